//! Functions by address, against the kernel's own list.

use std::{collections::BTreeSet, fs};

use veth_observer::kernel::symbols::functions;

/// Where a function begins, read by hand.
fn address_of(name: &str) -> u64 {
    let list = fs::read_to_string("/proc/kallsyms").unwrap();
    let line = list.lines().find(|line| line.split_whitespace().nth(2) == Some(name)).unwrap();
    u64::from_str_radix(line.split(' ').next().unwrap(), 16).unwrap()
}

#[test]
fn places_in_the_kernel_have_the_names_of_their_functions() {
    let names = ["__dev_queue_xmit", "veth_xmit", "enqueue_to_backlog"];
    let addresses = names.map(|name| address_of(name) + 4);
    let found = functions(&BTreeSet::from(addresses)).unwrap().expect("root sees addresses");
    assert_eq!(addresses.map(|address| found[&address].name.clone()), names);
}

#[test]
fn a_place_outside_the_kernel_has_no_name() {
    let found = functions(&BTreeSet::from([0x1000, 0x7fff_0000_0000])).unwrap().unwrap();
    assert_eq!(found.len(), 0);
}
