//! What is observed goes away.

use super::{gone, inventory, programs_of, stats};
use crate::support::{
    netns::eventually,
    wire::{METHODS, Wire, X, Y},
};

#[test]
fn a_namespace_that_is_deleted_ends_stats_and_is_not_kept_alive() {
    let mut wire = Wire::new();
    let running = stats(&wire, &["--attach", "tcx"]);
    let programs = programs_of(running.pid());
    wire.lab.remove(1);
    // A veth goes with its peer, and the peer with its namespace, once nobody holds that.
    eventually("the pair is gone", || !wire.lab.has(0, X));
    let rest = running.outcome();
    assert_eq!(rest.code, Some(0));
    let rest = rest.stdout;
    assert!(rest.contains("was deleted") && rest.contains("DIRECTION"), "{rest}");
    gone(&programs);
}

#[test]
fn an_end_that_is_deleted_ends_stats() {
    for method in METHODS {
        let wire = Wire::new();
        let running = stats(&wire, &["--attach", &method.to_string()]);
        let programs = programs_of(running.pid());
        wire.lab.ip(1, &["link", "delete", Y]);
        let rest = running.outcome();
        assert_eq!(rest.code, Some(0));
        let rest = rest.stdout;
        assert!(rest.contains("ended early: v") && rest.contains("was deleted"), "{rest}");
        gone(&programs);
    }
}

#[test]
fn an_end_that_moves_away_from_its_filters_ends_stats() {
    let wire = Wire::new();
    let running = stats(&wire, &["--attach", "clsact"]);
    wire.lab.ip(1, &["link", "set", Y, "netns", wire.lab.name(0)]);
    let rest = running.outcome();
    assert_eq!(rest.code, Some(0));
    let rest = rest.stdout;
    assert!(rest.contains("vy was deleted or moved out of vot-"), "{rest}");
}

#[test]
fn filters_that_somebody_removes_end_stats() {
    let wire = Wire::new();
    let before = inventory(&wire);
    let running = stats(&wire, &["--attach", "clsact"]);
    wire.lab.exec(1, &["tc", "qdisc", "delete", "dev", Y, "clsact"]);
    let rest = running.outcome();
    assert_eq!(rest.code, Some(0));
    let rest = rest.stdout;
    assert!(rest.contains("the filters on vy were removed by someone else"), "{rest}");
    assert_eq!(inventory(&wire), before);
}
