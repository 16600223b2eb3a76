//! The object as it was built, without loading it: what the kernel and the loader will look for is there.

use veth_observer::kernel::object::OBJECT;
use veth_observer_common::{
    counters, drops,
    filter::FUNCTIONS,
    order,
    settings::{self, ORDERS, PLACES, RECEIVED, SAMPLES, SENT, UNPLACED},
};

fn object() -> aya_obj::Object {
    aya_obj::Object::parse(OBJECT).unwrap()
}

#[test]
fn programs_maps_and_licence_have_the_names_the_loader_asks_for() {
    let object = object();
    let mut programs: Vec<_> = object.programs.keys().map(String::as_str).collect();
    programs.sort_unstable();
    let mut expected = settings::PROGRAMS.as_flattened().to_vec();
    expected.extend(settings::XDP_PROGRAMS.as_flattened());
    expected.push(settings::DROP);
    expected.extend(settings::STAGE_TRACEPOINTS.map(|(name, _)| name));
    expected.sort_unstable();
    assert_eq!(programs, expected);
    for name in programs {
        assert!(name.len() <= 15, "the kernel cuts {name}");
        assert!(name.starts_with(settings::PREFIX));
    }
    for name in [SENT, RECEIVED, ORDERS, PLACES, UNPLACED, SAMPLES, "AYA_LOGS"] {
        assert!(object.maps.contains_key(name), "{name}");
    }
    assert_eq!(object.license.to_bytes(), b"Dual MIT/GPL");
}

#[test]
fn maps_have_the_sizes_that_both_sides_agreed_on() {
    let object = object();
    let size = |name: &str| object.maps[name].value_size() as usize;
    assert_eq!(size(SENT), size_of::<counters::Sent>());
    assert_eq!(size(RECEIVED), size_of::<counters::Received>());
    assert_eq!(size(ORDERS), size_of::<order::Order>());
    assert_eq!(size(UNPLACED), size_of::<drops::Dead>());
    assert_eq!(size(PLACES), size_of::<drops::Dead>());
    assert_eq!(object.maps[PLACES].key_size() as usize, size_of::<drops::Place>());
}

#[test]
fn the_object_carries_btf_so_that_verifier_and_tools_can_name_things() {
    assert!(object().btf.is_some());
}

#[test]
fn there_is_room_for_a_long_filter() {
    let object = object();
    let function = |name: &str| object.functions.values().find(|function| function.name == name).unwrap();
    for (room, load) in FUNCTIONS {
        let (room, load) = (function(room), function(load));
        assert!(room.instructions.len() >= 4000, "{}", room.instructions.len());
        assert_eq!(room.section_index, load.section_index, "calls are by distance");
        // A call (0x85), a load of 64 bits (0x18): what relocations are for, and they would stay.
        assert!(room.instructions.iter().all(|instruction| !matches!(instruction.code, 0x85 | 0x18)));
    }
}
