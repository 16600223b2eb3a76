//! Deaths by stage, reason and location.

use std::cmp::Reverse;

use veth_observer_common::drops::Dead;

use super::stages::stage;
use crate::model::{
    drop::{Death, Side, Stage},
    report::Dropped,
};

/// The deaths that are losses of the link: all of them together, and one by one, the most frequent first. `in_driver` says
/// that frames have arrived at XDP there, so that what dies of them later is no loss.
pub(super) fn of_the_link(deaths: &[Death], in_driver: bool) -> (Dead, Vec<Dropped>) {
    let mut sum = Dead::NONE;
    let mut places: Vec<Dropped> = Vec::new();
    for death in deaths {
        let Some(place) = place_of(death, death.dead.frames(), in_driver) else { continue };
        sum.merge(&death.dead);
        add(&mut places, place);
    }
    places.sort_by_key(|place| Reverse(place.frames));
    (sum, places)
}

/// Whether a frame that died there had come by XDP in the driver, which takes frames out of the ring.
fn is_behind_driver(stage: Stage, side: Side) -> bool {
    match side {
        Side::Sending => false,
        Side::Receiving => !matches!(stage, Stage::Qdisc | Stage::Veth | Stage::Ring | Stage::Xdp),
        Side::Unknown => matches!(stage, Stage::Backlog | Stage::IngressProgram),
    }
}

/// Where so many frames died, if their end there is a loss of the link. `in_driver` says that frames have arrived at XDP there.
pub fn place_of(death: &Death, frames: u64, in_driver: bool) -> Option<Dropped> {
    let stage = stage(death.reason.as_deref(), death.function.as_deref(), death.side)?;
    (!in_driver || !is_behind_driver(stage, death.side)).then(|| Dropped {
        stage,
        reason: death.reason.clone(),
        location: location(death),
        frames,
    })
}

/// The function and its module, or the address where the kernel hides them; empty when not even that is known.
fn location(death: &Death) -> String {
    match (&death.function, &death.module) {
        (Some(function), Some(module)) => format!("{function} [{module}]"),
        (Some(function), None) => function.clone(),
        (None, _) if death.address != 0 => format!("{:#x}", death.address),
        (None, _) => String::new(),
    }
}

/// Two addresses in one function are one location.
fn add(places: &mut Vec<Dropped>, new: Dropped) {
    let same = |place: &&mut Dropped| {
        (place.stage, &place.reason, &place.location) == (new.stage, &new.reason, &new.location)
    };
    match places.iter_mut().find(same) {
        Some(place) => place.frames += new.frames,
        None => places.push(new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::drop::Side;

    fn death(function: &str, address: u64, frames: u64) -> Death {
        let mut dead = Dead::NONE;
        dead.epochs[3] = frames;
        Death {
            reason: Some("QDISC_DROP".into()),
            function: (!function.is_empty()).then(|| function.into()),
            address,
            side: Side::Sending,
            dead,
            ..Death::UNPLACED
        }
    }

    #[test]
    fn one_function_is_one_location_and_a_tap_is_none() {
        let deaths = [
            death("tbf_enqueue", 16, 1),
            death("__dev_queue_xmit", 32, 2),
            death("__dev_queue_xmit", 48, 3),
            death("packet_rcv", 64, 9),
        ]
        .map(|death| match death.function.as_deref() {
            Some("packet_rcv") => Death { reason: Some("PACKET_SOCK_ERROR".into()), ..death },
            _ => death,
        });
        let (sum, places) = of_the_link(&deaths, false);
        let told: Vec<_> = places.iter().map(|place| (place.location.as_str(), place.frames)).collect();
        assert_eq!(told, [("__dev_queue_xmit", 5), ("tbf_enqueue", 1)]);
        assert_eq!((sum.frames(), sum.epochs[3]), (6, 6));
    }

    #[test]
    fn a_function_without_a_name_is_an_address() {
        let (_, places) = of_the_link(&[death("", 0xffff_ffff_8100_0000, 1)], false);
        assert_eq!((places[0].location.as_str(), places[0].stage), ("0xffffffff81000000", Stage::Qdisc));
    }

    #[test]
    fn what_arrived_in_the_driver_and_dies_later_is_no_loss() {
        let place = |reason: &str, function: &str, side| Death {
            reason: Some(reason.into()),
            side,
            ..death(function, 16, 1)
        };
        let deaths = [
            place("QDISC_DROP", "tbf_enqueue", Side::Sending),
            place("NOT_SPECIFIED", "veth_xmit", Side::Receiving),
            place("CPU_BACKLOG", "enqueue_to_backlog", Side::Receiving),
            place("TC_INGRESS", "sch_handle_ingress", Side::Receiving),
            place("PFMEMALLOC", "__netif_receive_skb_core", Side::Receiving),
            place("NOT_SPECIFIED", "veth_xdp_rcv_skb", Side::Receiving),
        ];
        let stages = |in_driver| {
            let (sum, places) = of_the_link(&deaths, in_driver);
            (sum.frames(), places.iter().map(|place| place.stage).collect::<Vec<_>>())
        };
        assert_eq!(stages(true), (3, vec![Stage::Qdisc, Stage::Ring, Stage::Xdp]));
        assert_eq!(stages(false).0, 6);
    }
}
