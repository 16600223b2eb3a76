//! Frames, bytes and delays against the sender and the counters of the devices.

use std::time::Duration;

use veth_observer::{
    model::{drop::Stage, report::DirectionReport},
    observe::Settings,
};

use super::{GENERIC, NATIVE, assert_balanced, in_all_ways, numbered, send_numbered, settings, to_y};
use crate::support::{
    bpf::{self, Hook as Foreign},
    bursts::SuperFrames,
    netns::eventually,
    wire::{Wire, X, Y, assert_closed},
};

const COUNT: u64 = 10_000;

/// Longer than any frame waits on an idle machine, shorter than a unit gone wrong.
const PLAUSIBLE_NS: std::ops::Range<u64> = 50..50_000_000;

#[track_caller]
fn has_plausible_delays(direction: &DirectionReport) {
    let [least, median] = [direction.delay.min_ns, direction.delay.p50_ns].map(Option::unwrap);
    assert!(PLAUSIBLE_NS.contains(&least) && PLAUSIBLE_NS.contains(&median), "{direction:#?}");
}

#[test]
fn datagrams_to_the_frame_and_the_byte() {
    let wire = Wire::new();
    let traffic = || {
        let before = [wire.lab.device_counters(0, X), wire.lab.device_counters(1, Y)];
        assert_eq!(wire.lab.send_datagrams([0, 1], to_y(), 700, COUNT), COUNT);
        let [x, y] = [wire.lab.device_counters(0, X), wire.lab.device_counters(1, Y)];
        (x.tx_bytes - before[0].tx_bytes, y.rx_packets - before[1].rx_packets)
    };
    in_all_ways(&wire, traffic, |hook, (bytes, packets), [out, back]| {
        // With a program in the driver, that counts bytes without the Ethernet header (`veth_xdp_rcv_skb`).
        let bytes = bytes + if hook == NATIVE { 14 * COUNT } else { 0 };
        // Each has an identification of its own, and so each is timed.
        assert_closed(&out);
        assert_eq!((out.sent.frames, out.received.skbs), (COUNT, COUNT));
        assert_eq!((out.received.bytes, out.received.frames), (bytes, packets));
        has_plausible_delays(&out);
        assert_eq!((back.sent.frames, back.received.frames, back.unmatched), (0, 0, 0));
    });
}

#[test]
fn frames_of_any_length_both_ways() {
    let wire = Wire::new();
    let lengths = [14, 15, 16, 17, 59, 60, 79, 80, 81, 82, 83, 84, 93, 94, 1513, 1514];
    let bytes: u64 = lengths.into_iter().map(|length| u64::try_from(length).unwrap()).sum();
    let traffic = || {
        for (at, ifname) in [(0, X), (1, Y)] {
            for length in lengths {
                let mut frame = numbered(0x88b5, 7);
                frame.resize(length, 0x5a);
                wire.lab.send_frames(at, ifname, &frame, 1);
            }
        }
    };
    in_all_ways(&wire, traffic, |_, (), directions| {
        for direction in directions {
            assert_closed(&direction);
            assert_eq!((direction.sent.frames, direction.received.bytes), (lengths.len() as u64, bytes));
        }
    });
}

#[test]
fn frames_that_are_all_the_same_are_counted_and_not_timed_by_guess() {
    let wire = Wire::new();
    let traffic = || wire.lab.send_frames(0, X, &numbered(0x88b5, 7), COUNT);
    in_all_ways(&wire, traffic, |hook, (), [out, _]| {
        assert_balanced(&out);
        assert_eq!((out.received.frames, out.received.bytes), (COUNT, 100 * COUNT));
        assert!(out.matched == COUNT || hook == NATIVE, "{out:#?}");
        assert!(out.delay.max_ns.is_none_or(|longest| longest < PLAUSIBLE_NS.end), "{out:#?}");
    });
}

#[test]
fn super_frames_cut_up_before_the_driver_and_whole_at_the_generic_hook() {
    let wire = Wire::new();
    let sender = SuperFrames::new(&wire.lab, [0, 1], to_y());
    in_all_ways(
        &wire,
        || sender.send(20),
        |hook, (), [out, _]| {
            assert_balanced(&out);
            assert_eq!((out.sent.skbs, out.sent.frames), (20, 20 * SuperFrames::SEGMENTS));
            let skbs = if hook == NATIVE { 200 } else { 20 };
            let received = (out.received.skbs, out.received.frames, out.received.bytes);
            assert_eq!(received, (skbs, 200, out.sent.bytes), "{out:#?}");
            // In the driver only the first of a buffer has its bytes.
            assert_eq!(out.matched, if hook == NATIVE { 20 } else { 200 });
            has_plausible_delays(&out);
        },
    );
}

/// Sends a stream from X to Y and hands over what each device says it dropped as a sender.
fn stream(wire: &Wire, bytes: usize) -> [u64; 2] {
    let drops = || [wire.lab.device_drops(0, X)[0], wire.lab.device_drops(1, Y)[0]];
    let before = drops();
    assert_eq!(wire.lab.send_stream([0, 1], to_y(), bytes), bytes);
    let after = drops();
    [after[0] - before[0], after[1] - before[1]]
}

/// All arrived but what found the ring of the driver full, which a reader that is kept waiting brings about.
#[track_caller]
fn assert_streamed(direction: &DirectionReport, drops: u64) {
    assert_balanced(direction);
    assert_eq!(direction.dropped_frames(), drops, "{direction:#?}");
    assert!(direction.dropped.iter().all(|place| place.stage == Stage::Ring), "{direction:#?}");
    assert!(drops > 0 || direction.received.bytes == direction.sent.bytes, "{direction:#?}");
}

#[test]
fn a_tcp_stream_to_the_frame_and_the_byte() {
    const BYTES: usize = 16 << 20;
    let wire = Wire::new();
    let segments =
        || [0, 1].map(|at| wire.lab.snmp(at, "Tcp", "OutSegs") + wire.lab.snmp(at, "Tcp", "RetransSegs"));
    let traffic = || {
        let before = segments();
        let drops = stream(&wire, BYTES);
        let after = segments();
        ([after[0] - before[0], after[1] - before[1]], drops)
    };
    in_all_ways(&wire, traffic, |hook, (segments, drops), [out, back]| {
        for (direction, segments, drops) in [(&out, segments[0], drops[0]), (&back, segments[1], drops[1])] {
            assert_streamed(direction, drops);
            assert_eq!(direction.sent.frames, segments, "{direction:#?}");
            has_plausible_delays(direction);
        }
        assert!(out.sent.skbs < out.sent.frames, "there was GSO: {out:#?}");
        assert_eq!(out.received.skbs == out.received.frames, hook == NATIVE, "{out:#?}");
    });
}

#[test]
fn frames_in_several_pieces() {
    // 3506 is the most that lies in one piece: SKB_WITH_OVERHEAD(4096 - 256) less the header (veth_xdp_set).
    for mtu in [3506, 3507, 9000, 65_535] {
        let wire = Wire::with_mtu(mtu);
        let length = usize::try_from(mtu).unwrap() - 28;
        let traffic = || wire.lab.send_datagrams([0, 1], to_y(), length.min(60_000), 300);
        in_all_ways(&wire, traffic, |_, read, [out, _]| {
            assert_closed(&out);
            assert_eq!((read, out.received.frames), (300, 300));
        });
        let traffic = || stream(&wire, 4 << 20);
        in_all_ways(&wire, traffic, |_, drops, [out, back]| {
            assert_streamed(&out, drops[0]);
            assert_streamed(&back, drops[1]);
        });
    }
}

#[test]
fn frames_under_way_while_it_attaches_are_not_counted() {
    let wire = Wire::new();
    let queue =
        ["tc", "qdisc", "add", "dev", X, "root", "tbf", "rate", "2mbit", "burst", "2kb", "limit", "1mb"];
    wire.lab.exec(0, &queue);
    for hook in [NATIVE, GENERIC] {
        wire.over_both(|| {
            // 1000 frames of 100 bytes take 0.4 s through the bucket, and attaching takes less.
            send_numbered(&wire, 0..1000);
            let observation = wire.observe(settings(&wire, hook));
            send_numbered(&wire, 1000..1100);
            let [out, _] = wire.finish(observation).pairs.remove(0).directions;
            assert_eq!((out.sent.frames, out.received.frames), (100, 100), "{hook:?}: {out:#?}");
            assert_eq!((out.lost, out.in_flight, out.unexplained), (0, 0, 0), "{out:#?}");
        });
    }
}

#[test]
fn frames_that_are_rewritten_on_the_way() {
    let wire = Wire::new();
    let rewriter = bpf::load_rewriter(30);
    let ifindex = wire.lab.ifindex(0, X);
    let attach = || bpf::attach(&rewriter, ifindex, Foreign::TcxEgress);
    for hook in [NATIVE, GENERIC] {
        let link = wire.lab.namespace(0).run(attach).unwrap();
        let loss_timeout = Duration::from_millis(300);
        let mut observation = wire.observe(Settings { loss_timeout, ..settings(&wire, hook) });
        send_numbered(&wire, 0..1000);
        // Nothing is recognised any more, and all is counted once the timeout is over.
        eventually("all has been received", || {
            let [out, _] = observation.report().unwrap().pairs.remove(0).directions;
            (out.sent.frames, out.received.frames, out.lost, out.unexplained) == (1000, 1000, 0, 0)
        });
        drop(link);
        send_numbered(&wire, 1000..1100);
        let [out, _] = wire.finish(observation).pairs.remove(0).directions;
        assert_balanced(&out);
        assert_eq!((out.received.frames, out.received.bytes), (1100, 1100 * 100), "{out:#?}");
        assert_eq!(out.matched, if hook == NATIVE { 100 } else { 1100 });
    }
}

#[test]
fn a_frame_sent_with_a_tag_and_verified() {
    let wire = Wire::new();
    let selector = wire.selector();
    for mode in ["native", "generic"] {
        let args =
            ["send", &selector, "--vlan", "7", "--ethertype", "0x88b5", "--payload", "123", "--verify"];
        let hook = ["--hook", "xdp", "--xdp-mode", mode, "-j"];
        let outcome = crate::support::command::Run::here(&[&args[..], &hook[..]].concat()).outcome();
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        let sent: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_eq!(sent["arrived"], true, "{sent}");
        assert!(PLAUSIBLE_NS.contains(&sent["delay_ns"].as_u64().unwrap()), "{sent}");
    }
}
