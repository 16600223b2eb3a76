//! The pair itself: a peer that is down, and one that takes only short frames.

use veth_observer::model::drop::Stage;

use super::{PASSES, assert_balanced, assert_dropped, during, frame, to_y};
use crate::support::{
    bursts::SuperFrames,
    netns::eventually,
    wire::{Wire, X, Y},
};

fn take_down(wire: &Wire) {
    wire.lab.ip(1, &["link", "set", Y, "down"]);
    // Once the kernel has noticed, the end has a queue that takes nothing (noop), under the same lock.
    eventually("the end has lost its carrier", || {
        wire.lab.ip_json(0, &["link", "show", X])[0]["operstate"] == "DOWN"
    });
}

#[test]
fn frames_to_a_peer_that_is_down() {
    let wire = Wire::new();
    take_down(&wire);
    wire.over_both(|| {
        let before = wire.lab.device_drops(0, X);
        // That queue tells the sender of congestion, which is no error.
        let ((), out) = during(&wire, || wire.lab.send_frames(0, X, &frame(PASSES), 100));
        assert_eq!(out.sent.frames, 100);
        let [tx, _] = wire.lab.device_drops(0, X);
        assert_eq!(tx - before[0], 100);
        assert_dropped(&out, 100, Stage::Qdisc, "QDISC_", &["__dev_queue_xmit", "kfree_skb_list_reason"]);
    });
}

#[test]
fn super_frames_to_a_peer_that_is_down() {
    let wire = Wire::new();
    take_down(&wire);
    let sender = SuperFrames::new(&wire.lab, [0, 1], to_y());
    wire.over_both(|| {
        let ((), out) = during(&wire, || sender.send(20));
        assert_eq!((out.sent.skbs, out.sent.frames), (20, 200));
        assert_dropped(&out, 200, Stage::Qdisc, "QDISC_", &["__dev_queue_xmit", "kfree_skb_list_reason"]);
    });
}

#[test]
fn frames_longer_than_the_peer_takes() {
    let wire = Wire::new();
    wire.lab.ip(1, &["link", "set", Y, "mtu", "500"]);
    let (short, long) = (&frame(PASSES)[..400], frame(PASSES));
    wire.over_both(|| {
        let drops = || (wire.lab.device_drops(0, X)[0], wire.lab.device_drops(1, Y)[1]);
        let before = drops();
        let (refused, out) = during(&wire, || {
            wire.lab.send_frames(0, X, short, 30);
            wire.lab.offer_frames(0, X, &long, 70)
        });
        assert_eq!((refused, out.sent.frames, out.received.frames), (70, 100, 30));
        // Both ends count the same drop; the receiving one also what arrived and nobody there wanted.
        let after = drops();
        assert_eq!((after.0 - before.0, after.1 - before.1), (70, 70 + 30));
        assert_dropped(&out, 70, Stage::Veth, "NOT_SPECIFIED", &["__dev_forward_skb2", "__dev_forward_skb"]);
    });
}

#[test]
fn super_frames_pass_whatever_the_peer_s_mtu() {
    let wire = Wire::new();
    wire.lab.ip(1, &["link", "set", Y, "mtu", "500"]);
    let sender = SuperFrames::new(&wire.lab, [0, 1], to_y());
    wire.over_both(|| {
        let ((), out) = during(&wire, || sender.send(20));
        assert_balanced(&out);
        assert_eq!((out.sent.frames, out.received.frames), (200, 200), "{out:#?}");
    });
}
