//! Deaths by stage, reason and location.

use std::collections::BTreeMap;

use veth_observer_common::drops::Dead;

use super::stages::stage;
use crate::model::{death::Death, drop::Stage, reading::Reading, report::Dropped};

/// The deaths of one direction as a report gives them, the most frequent first.
pub(super) fn by_place(reading: &Reading) -> Vec<Dropped> {
    let mut places = BTreeMap::<(Stage, String, String), u64>::new();
    for (death, stage) in frames(reading) {
        let place = (stage, death.reason.clone().unwrap_or_default(), location(death));
        *places.entry(place).or_default() += death.dead.frames();
    }
    let dropped = places.into_iter().filter(|(_, frames)| *frames > 0);
    let mut dropped: Vec<Dropped> = dropped
        .map(|((stage, reason, location), frames)| Dropped { stage, reason, location, frames })
        .collect();
    dropped.sort_by_key(|place| std::cmp::Reverse(place.frames));
    dropped
}

/// All that died, wherever, by epoch of sending.
pub(super) fn total(reading: &Reading) -> Dead {
    let mut total = Dead::NONE;
    frames(reading).for_each(|(death, _)| total.merge(&death.dead));
    total
}

/// The deaths of frames, without those of copies.
fn frames(reading: &Reading) -> impl Iterator<Item = (&Death, Stage)> {
    reading.deaths.iter().filter_map(|death| {
        Some((death, stage(death.reason.as_deref(), death.function.as_deref(), death.device)?))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::death::Side;

    fn death(reason: &str, function: Option<&str>, address: u64, frames: u64) -> Death {
        let mut dead = Dead::NONE;
        dead.epochs[3] = frames;
        Death {
            reason: Some(reason.into()),
            function: function.map(str::to_owned),
            module: None,
            address,
            device: Side::Sending,
            dead,
        }
    }

    fn reading(deaths: Vec<Death>) -> Reading {
        Reading { deaths, ..Reading::ZERO }
    }

    #[test]
    fn places_in_one_function_are_one_and_the_most_frequent_comes_first() {
        let reading = reading(vec![
            death("NOT_SPECIFIED", Some("__dev_forward_skb2"), 1, 5),
            death("QDISC_DROP", Some("__dev_queue_xmit"), 2, 3),
            death("QDISC_DROP", Some("__dev_queue_xmit"), 3, 4),
        ]);
        let dropped = |stage, reason: &str, location: &str, frames| Dropped {
            stage,
            reason: reason.into(),
            location: location.into(),
            frames,
        };
        let expected = [
            dropped(Stage::Qdisc, "QDISC_DROP", "__dev_queue_xmit", 7),
            dropped(Stage::Veth, "NOT_SPECIFIED", "__dev_forward_skb2", 5),
        ];
        assert_eq!(by_place(&reading), expected);
        assert_eq!(total(&reading).epochs[3], 12);
    }

    #[test]
    fn copies_are_in_neither_the_places_nor_the_total() {
        let reading = reading(vec![death("PACKET_SOCK_ERROR", Some("packet_rcv"), 1, 5)]);
        assert_eq!(by_place(&reading), []);
        assert_eq!(total(&reading), Dead::NONE);
    }

    #[test]
    fn a_place_without_a_name_is_an_address() {
        let modular =
            Death { module: Some("veth".into()), ..death("NOT_SPECIFIED", Some("veth_xmit"), 1, 1) };
        assert_eq!(location(&modular), "veth_xmit [veth]");
        assert_eq!(location(&death("CPU_BACKLOG", None, 0xffff_ffff_8123_4567, 1)), "0xffffffff81234567");
        assert_eq!(location(&Death::UNPLACED), "");
    }
}
