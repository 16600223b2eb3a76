//! Frames that die before the hook are dropped, each at its stage; what dies behind it was received.

use veth_observer::model::{drop::Stage, report::DirectionReport};

use super::{NATIVE, assert_balanced, in_all_ways, numbered, send_numbered, to_y};
use crate::support::{
    bpf::{self, Hook as Foreign},
    bursts::{Copier, SuperFrames},
    netns::eventually,
    wire::{Wire, X, Y},
};

const PASSES: u16 = 0x88b5;

/// VETH_RING_SIZE of drivers/net/veth.c.
const RING: u64 = 256;

/// All that died did so at this stage.
#[track_caller]
fn assert_dropped(out: &DirectionReport, frames: u64, stage: Stage) {
    assert_balanced(out);
    assert_eq!(out.dropped_frames(), frames, "{out:#?}");
    assert!(out.dropped.iter().all(|place| place.stage == stage), "{out:#?}");
}

#[test]
fn what_a_queue_refuses() {
    let wire = Wire::new();
    let queue =
        ["tc", "qdisc", "add", "dev", X, "root", "tbf", "rate", "8mbit", "burst", "2kb", "limit", "20kb"];
    wire.lab.exec(0, &queue);
    let sender = SuperFrames::new(&wire.lab, [0, 1], to_y());
    let traffic = || {
        let before = wire.lab.qdisc_drops(0, X, "tbf");
        sender.send(20);
        wire.lab.offer_frames(0, X, &numbered(PASSES, 7), 100);
        wire.lab.qdisc_drops(0, X, "tbf") - before
    };
    in_all_ways(&wire, traffic, |_, drops, [out, _]| {
        assert!(drops > 0 && out.received.frames > 0, "{out:#?}");
        assert_eq!(out.sent.frames, 300);
        assert_dropped(&out, drops, Stage::Qdisc);
    });
}

#[test]
fn what_finds_the_ring_full() {
    const COPIES: u64 = 600;
    let wire = Wire::new();
    let _copier = Copier::new(&wire.lab, X, usize::try_from(COPIES).unwrap());
    let traffic = || {
        let before = wire.lab.device_drops(0, X)[0];
        wire.lab.offer_frames(0, Copier::DEVICE, &numbered(PASSES, 7), 1);
        wire.lab.device_drops(0, X)[0] - before
    };
    in_all_ways(&wire, traffic, |hook, drops, [out, _]| {
        assert_eq!(out.sent.frames, COPIES);
        // Only XDP in the driver has a ring; without, the backlog holds a thousand.
        assert_eq!(drops, if hook == NATIVE { COPIES - RING } else { 0 });
        assert_dropped(&out, drops, Stage::Ring);
    });
}

#[test]
fn what_a_program_before_ours_shoots_at_tc_ingress() {
    let wire = Wire::new();
    let sender = SuperFrames::new(&wire.lab, [0, 1], to_y());
    let shooter = bpf::load(Foreign::TcxIngress, "shooter", 2);
    let ifindex = wire.lab.ifindex(1, Y);
    let packets = || (wire.lab.device_counters(0, X).tx_packets, wire.lab.device_counters(1, Y).rx_packets);
    let traffic = || {
        let before = packets();
        send_numbered(&wire, 0..30);
        let attach = || bpf::attach(&shooter, ifindex, Foreign::TcxIngressFirst);
        let link = wire.lab.namespace(1).run(attach).unwrap();
        send_numbered(&wire, 0..70);
        sender.send(20);
        eventually("what was sent has come as far as the program", || {
            let now = packets();
            now.0 - before.0 == now.1 - before.1
        });
        drop(link);
    };
    in_all_ways(&wire, traffic, |hook, (), [out, _]| {
        assert_eq!(out.sent.frames, 300);
        // In the driver they have arrived before that.
        let dropped = if hook == NATIVE { 0 } else { 270 };
        assert_dropped(&out, dropped, Stage::IngressProgram);
    });
}

#[test]
fn what_is_sent_to_a_peer_that_is_down() {
    let wire = Wire::new();
    wire.lab.ip(1, &["link", "set", Y, "down"]);
    eventually("the end has lost its carrier", || {
        wire.lab.ip_json(0, &["link", "show", X])[0]["operstate"] == "DOWN"
    });
    in_all_ways(
        &wire,
        || wire.lab.send_frames(0, X, &numbered(PASSES, 7), 100),
        |_, (), [out, _]| {
            assert_eq!(out.sent.frames, 100);
            assert_dropped(&out, 100, Stage::Qdisc);
        },
    );
}

#[test]
fn what_still_lies_in_the_ring_when_the_peer_goes_down() {
    let wire = Wire::new();
    let traffic = || {
        send_numbered(&wire, 0..100);
        wire.lab.ip(1, &["link", "set", Y, "down"]);
        wire.lab.ip(1, &["link", "set", Y, "up"]);
        eventually("both ends are up", || wire.lab.ip_json(0, &["link", "show", X])[0]["operstate"] == "UP");
        send_numbered(&wire, 0..100);
    };
    in_all_ways(&wire, traffic, |_, (), [out, _]| {
        assert_eq!(out.sent.frames, 200, "{out:#?}");
        assert_balanced(&out);
    });
}
