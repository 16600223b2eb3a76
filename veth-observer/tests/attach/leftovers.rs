//! Runs that were killed.

use super::{gone, inventory, programs_of, stats};
use crate::support::{
    command::Run,
    netns::{alone, eventually},
    wire::{Wire, X},
};

/// Our filters that an inventory lists.
fn filters(inventory: &str) -> usize {
    inventory.matches(" direct-action not_in_hw id ").count()
}

/// Starts `stats`, kills it without a warning, and gives its programs.
fn killed(wire: &Wire, method: &str) -> Vec<String> {
    let running = stats(wire, &["--attach", method]);
    let programs = programs_of(running.pid());
    drop(running);
    programs
}

#[test]
fn filters_are_found_by_doctor_and_removed_by_cleanup() {
    let _alone = alone();
    let wire = Wire::new();
    let before = inventory(&wire);
    let programs = killed(&wire, "clsact");
    assert_eq!(filters(&inventory(&wire)), 4);

    let place = format!("filter vo_a_ingress on vx in netns {}", wire.lab.name(0));
    let doctor = Run::here(&["doctor"]).outcome();
    assert_eq!(doctor.code, Some(5), "{doctor:?}");
    assert!(doctor.stdout.contains("FAIL  leftovers") && doctor.stdout.contains(&place), "{doctor:?}");
    assert!(doctor.stdout.contains("fix: sudo veth-observer cleanup"), "{doctor:?}");

    let listed = Run::here(&["cleanup", "--dry-run", "-j"]).outcome().json();
    assert_eq!(listed["leftovers"].as_array().unwrap().len(), 4, "{listed}");
    assert_eq!(listed["leftovers"][0]["hook"], "tc/ingress");
    assert_eq!(filters(&inventory(&wire)), 4);

    let removed = Run::here(&["cleanup"]).outcome().ok();
    assert!(removed.contains(&format!("removed {place}")), "{removed}");
    assert_eq!(inventory(&wire), before);
    assert_eq!(Run::here(&["cleanup"]).outcome().ok(), "nothing left behind\n");
    gone(&programs);
    let doctor = Run::here(&["doctor", "-j"]).outcome().json();
    assert!(doctor["checks"].as_array().unwrap().iter().all(|check| check["ok"] == true), "{doctor}");
}

#[test]
fn filters_are_swept_by_the_next_start() {
    let _alone = alone();
    for method in ["tcx", "clsact"] {
        let wire = Wire::new();
        let before = inventory(&wire);
        let programs = killed(&wire, "clsact");
        let selector = wire.selector();
        let next = Run::here(&["stats", &selector, "--attach", method, "--duration", "50ms"]).outcome();
        assert_eq!(next.code, Some(0), "{next:?}");
        assert!(!next.stderr.contains("removed"), "{next:?}");
        assert_eq!(inventory(&wire), before);
        gone(&programs);
    }
}

#[test]
fn a_qdisc_that_others_came_to_use_stays() {
    let _alone = alone();
    let wire = Wire::new();
    let programs = {
        let running = stats(&wire, &["--attach", "clsact"]);
        let filter = ["tc", "filter", "add", "dev", X, "ingress", "pref", "1"];
        wire.lab.exec(0, &[&filter[..], &["bpf", "da", "bytecode", "1,6 0 0 4294967295,"]].concat());
        programs_of(running.pid())
    };
    Run::here(&["cleanup"]).outcome().ok();
    let left = inventory(&wire);
    assert_eq!(left.matches("qdisc clsact").count(), 1, "{left}");
    assert_eq!(left.matches("bytecode").count(), 1, "{left}");
    assert_eq!(filters(&left), 0, "{left}");
    gone(&programs);
}

#[test]
fn the_filters_of_the_living_are_not_touched() {
    let _alone = alone();
    let wire = Wire::new();
    let running = stats(&wire, &["--attach", "clsact"]);
    let during = inventory(&wire);
    assert_eq!(Run::here(&["cleanup"]).outcome().ok(), "nothing left behind\n");
    // A second observer sweeps as it starts, also from another pid namespace, where it cannot see the first.
    let selector = wire.selector();
    let second = ["--attach", "clsact", "--duration", "50ms"];
    let outcome = Run::here(&[&["stats", &selector], &second[..]].concat()).outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let program = crate::support::command::PROGRAM;
    let unshare = ["--pid", "--fork", "--mount-proc", program, "cleanup"];
    assert_eq!(crate::support::netns::run("unshare", &unshare), "nothing left behind\n");
    assert_eq!(inventory(&wire), during);
    drop(running);
    Run::here(&["cleanup"]).outcome().ok();
}

#[test]
fn tcx_links_end_with_their_process() {
    let wire = Wire::new();
    let before = inventory(&wire);
    let programs = killed(&wire, "tcx");
    gone(&programs);
    assert_eq!(inventory(&wire), before);
    let selector = wire.selector();
    eventually("no program is on the end", || {
        Run::here(&["show", &selector, "-j"]).outcome().json().to_string().matches("vo_").count() == 0
    });
}
