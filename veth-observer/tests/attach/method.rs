//! tcx or clsact: by what the kernel can, or by what was asked for.

use super::inventory;
use crate::support::{command::Run, wire::Wire};

#[test]
fn a_kernel_without_tcx_gets_filters() {
    let wire = Wire::new();
    let before = inventory(&wire);
    let selector = wire.selector();
    let run = |args: &[&str]| Run::here(&[args, &[&selector]].concat()).without_tcx().outcome();
    let outcome = run(&["send", "--verify", "-c", "3"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.stdout.matches("arrived on vy").count(), 3, "{outcome:?}");
    for name in ["vx", "vy"] {
        let sentence =
            format!("adding a clsact qdisc to {name} may lose some 50 frames of traffic in flight\n");
        assert!(outcome.stderr.contains(&sentence), "{outcome:?}");
    }
    assert_eq!(inventory(&wire), before);

    let doctor = Run::here(&["doctor"]).without_tcx().outcome();
    assert!(doctor.stdout.contains("clsact filters; this kernel has no tcx"), "{doctor:?}");
}

#[test]
fn tcx_that_the_kernel_does_not_have_is_refused() {
    let wire = Wire::new();
    let before = inventory(&wire);
    let selector = wire.selector();
    let sentence = Run::here(&["stats", &selector, "--attach", "tcx"]).without_tcx().outcome().fails(3);
    assert_eq!(sentence, "this kernel has no tcx hooks, which --attach tcx asks for");
    assert_eq!(inventory(&wire), before);
}

#[test]
fn a_qdisc_in_the_way_is_named() {
    let wire = Wire::new();
    wire.lab.exec(1, &["tc", "qdisc", "add", "dev", "vy", "ingress"]);
    let before = inventory(&wire);
    let selector = wire.selector();
    let outcome = Run::here(&["stats", &selector, "--attach", "clsact"]).outcome();
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("vy has an ingress qdisc"), "{outcome:?}");
    assert_eq!(inventory(&wire), before);
}

#[test]
fn a_filter_of_another_protocol_in_our_place_is_named() {
    let wire = Wire::new();
    wire.lab.exec(0, &["tc", "qdisc", "add", "dev", "vx", "clsact"]);
    let filter = ["tc", "filter", "add", "dev", "vx", "egress", "protocol", "ip", "pref", "1"];
    wire.lab.exec(0, &[&filter[..], &["bpf", "da", "bytecode", "1,6 0 0 4294967295,"]].concat());
    let before = inventory(&wire);
    let selector = wire.selector();
    let outcome = Run::here(&["stats", &selector, "--attach", "clsact"]).outcome();
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("vx has filters of another kind at priority 1"), "{outcome:?}");
    assert_eq!(inventory(&wire), before);
}
