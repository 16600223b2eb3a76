//! The queueing discipline of the sending end: what it refuses.

use veth_observer::model::{
    drop::Stage,
    report::{DirectionReport, Traffic},
};

use super::{PASSES, assert_dropped, during, frame, some, to_y};
use crate::support::{
    bursts::SuperFrames,
    wire::{Wire, X},
};

/// Linux 6.1 names the function that frees a list.
const FUNCTIONS: &[&str] = &["__dev_queue_xmit", "kfree_skb_list_reason"];

fn add(wire: &Wire, args: &str) {
    let args: Vec<&str> = ["tc", "qdisc", "add", "dev", X].into_iter().chain(args.split(' ')).collect();
    wire.lab.exec(0, &args);
}

/// A token bucket with room for some 20 frames, which it lets go within 0.2 s.
const BUCKET: &str = "root handle 1: tbf rate 1mbit burst 2kb limit 20kb";

#[test]
fn frames_over_the_limit_of_a_token_bucket() {
    let wire = Wire::new();
    add(&wire, BUCKET);
    wire.over_both(|| {
        let before = wire.lab.qdisc_drops(0, X, "tbf");
        let (refused, out) = during(&wire, || wire.lab.offer_frames(0, X, &frame(PASSES), 100));
        assert_eq!(out.sent.frames, 100);
        assert_eq!(refused, wire.lab.qdisc_drops(0, X, "tbf") - before);
        assert_dropped(&out, some(refused), Stage::Qdisc, "QDISC_", FUNCTIONS);
    });
}

#[test]
fn segments_of_super_frames_that_a_token_bucket_cut_up() {
    let wire = Wire::new();
    add(&wire, BUCKET);
    let sender = SuperFrames::new(&wire.lab, [0, 1], to_y());
    wire.over_both(|| {
        let before = wire.lab.qdisc_drops(0, X, "tbf");
        let ((), out) = during(&wire, || sender.send(20));
        assert_eq!((out.sent.skbs, out.sent.frames), (20, 200));
        assert!(out.received.frames > 0 && out.received.skbs == out.received.frames, "{out:#?}");
        // The bucket cuts what is larger than its burst before it refuses, and counts segments.
        let drops = wire.lab.qdisc_drops(0, X, "tbf") - before;
        assert_dropped(&out, some(drops), Stage::Qdisc, "QDISC_", FUNCTIONS);
    });
}

#[test]
fn frames_over_the_limit_of_a_fifo() {
    let wire = Wire::new();
    add(&wire, BUCKET);
    add(&wire, "parent 1:1 handle 10: pfifo limit 5");
    wire.over_both(|| {
        let before = wire.lab.qdisc_drops(0, X, "pfifo");
        let (refused, out) = during(&wire, || wire.lab.offer_frames(0, X, &frame(PASSES), 100));
        assert_eq!(out.sent.frames, 100);
        assert_eq!(refused, wire.lab.qdisc_drops(0, X, "pfifo") - before);
        assert_dropped(&out, some(refused), Stage::Qdisc, "QDISC_", FUNCTIONS);
    });
}

#[test]
fn super_frames_over_the_limit_of_a_fifo() {
    let wire = Wire::new();
    // The bucket lets a super-frame through whole.
    add(&wire, "root handle 1: tbf rate 10mbit burst 32kb limit 1mb");
    add(&wire, "parent 1:1 handle 10: pfifo limit 5");
    let sender = SuperFrames::new(&wire.lab, [0, 1], to_y());
    wire.over_both(|| {
        let before = wire.lab.qdisc_drops(0, X, "pfifo");
        let ((), out) = during(&wire, || sender.send(50));
        assert_eq!((out.sent.skbs, out.sent.frames), (50, 50 * SuperFrames::SEGMENTS));
        let drops = some(wire.lab.qdisc_drops(0, X, "pfifo") - before);
        assert_dropped(&out, drops * SuperFrames::SEGMENTS, Stage::Qdisc, "QDISC_", FUNCTIONS);
    });
}

#[test]
fn a_tcp_stream_through_a_queue_that_is_too_short() {
    let wire = Wire::new();
    // Two segments are more than its burst, so it cuts up all that is more than one, and counts segments.
    add(&wire, "root tbf rate 2gbit burst 2kb limit 60kb");
    wire.over_both(|| {
        let before = wire.lab.qdisc_drops(0, X, "tbf");
        let (arrived, out) = during(&wire, || wire.lab.send_stream([0, 1], to_y(), 32 << 20));
        assert_eq!(arrived, 32 << 20);
        assert!(out.sent.skbs < out.received.skbs, "there was GSO: {out:#?}");
        let drops = some(wire.lab.qdisc_drops(0, X, "tbf") - before);
        // In a bulk stream the kernel does not show every drop to tracers (docs/measurement.md): those are lost, to the frame.
        let (lost, dropped) = (out.lost, out.dropped_frames());
        assert_eq!(
            (lost + dropped, out.in_flight, out.unexplained, out.unmatched),
            (drops, 0, 0, 0),
            "{out:#?}"
        );
        assert!(lost <= drops / 2, "{out:#?}");
        assert_dropped(
            &DirectionReport { lost: 0, sent: less(out.sent, lost), ..out },
            dropped,
            Stage::Qdisc,
            "QDISC_",
            FUNCTIONS,
        );
    });
}

fn less(traffic: Traffic, frames: u64) -> Traffic {
    Traffic { frames: traffic.frames - frames, ..traffic }
}

#[test]
fn frames_still_in_a_queue_that_is_taken_away() {
    let wire = Wire::new();
    wire.over_both(|| {
        // A frame in 16 s: none of the 50 gets away while this is watched, but for the first two.
        add(&wire, "root tbf rate 500bit burst 2kb limit 100kb");
        let ((), out) = during(&wire, || {
            wire.lab.send_frames(0, X, &frame(PASSES), 50);
            wire.lab.exec(0, &["tc", "qdisc", "delete", "dev", X, "root"]);
        });
        assert_eq!((out.sent.frames, out.received.frames + out.dropped_frames()), (50, 50));
        assert!(out.received.frames <= 2, "{out:#?}");
        let functions = ["__rtnl_unlock", "rtnl_unlock", "netdev_run_todo", "rtnetlink_rcv_msg"];
        assert_dropped(&out, 50 - out.received.frames, Stage::Qdisc, "", &functions);
    });
}
