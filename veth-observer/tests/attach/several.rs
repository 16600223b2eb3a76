//! Observers beside each other.

use veth_observer::{
    attach::Method,
    observe::{Observation, Sampling, Settings},
};

use super::inventory;
use crate::support::{
    command::Run,
    wire::{Wire, X, assert_closed},
};

const COUNT: u64 = 10_000;

fn settings(attach: Method) -> Settings {
    Settings { attach, ..Settings::default() }
}

fn send(wire: &Wire) {
    wire.lab.send_frames(0, X, &frame(), COUNT);
}

fn frame() -> Vec<u8> {
    let mut frame = [0xff; 12].to_vec();
    frame.extend([0x88, 0xb5]);
    frame.resize(100, 0);
    frame
}

fn finish(wire: &Wire, observation: Observation) -> u64 {
    let [out, back] = wire.finish(observation).pairs.remove(0).directions;
    assert_closed(&out);
    assert_eq!((back.sent.frames, back.unmatched), (0, 0));
    out.sent.frames
}

/// One that counts and one that samples, attached in this order; a third is refused.
fn together(first: Method, second: Method) {
    let wire = Wire::new();
    let before = inventory(&wire);
    let stats = wire.observe(settings(first));
    let sampling = Some(Sampling { rate: 1, snaplen: 64, ring_bytes: 1 << 22, ..Sampling::default() });
    let mut watch = wire.observe(Settings { sampling, ..settings(second) });

    let sentence = wire.refused(settings(Method::Auto));
    assert!(sentence.starts_with("2 observers are already on vx and vy"), "{sentence}");
    assert_eq!(sentence.lines().count(), 1);
    let selector = wire.selector();
    assert_eq!(Run::here(&["stats", &selector]).outcome().fails(1), sentence);

    send(&wire);
    assert_eq!(watch.samples(20_000).unwrap().len() as u64, COUNT);
    // The first leaves, and the second goes on.
    assert_eq!(finish(&wire, stats), COUNT);
    send(&wire);
    assert_eq!(finish(&wire, watch), 2 * COUNT);
    assert_eq!(inventory(&wire), before);
}

#[test]
fn two_over_tcx() {
    together(Method::Tcx, Method::Tcx);
}

#[test]
fn two_over_clsact_and_the_last_removes_the_qdisc() {
    together(Method::Clsact, Method::Clsact);
}

#[test]
fn one_over_each() {
    together(Method::Tcx, Method::Clsact);
    together(Method::Clsact, Method::Tcx);
}
