//! Paths on which stamps do not survive: the numbers stay exact, and the report says how frames were recognised.

use std::{net::SocketAddr, time::Duration};

use veth_observer::{
    frame::craft::{Content, FrameSpec, craft},
    model::{
        mac::Mac,
        report::{DirectionReport, Matching},
    },
};

use crate::support::{
    bpf::{self, Hook},
    command::Run,
    wire::{Wire, X, X_MAC, Y, Y_IP, Y_MAC, assert_closed},
};

fn frames() -> Vec<u8> {
    let (src_mac, dst_mac) = (Mac(X_MAC), Mac(Y_MAC));
    let content = Content::Raw(0x88b5);
    craft(&FrameSpec { src_mac, dst_mac, vlan: None, content, payload: vec![0x5a; 50], size: None }, 0)
        .unwrap()
}

#[track_caller]
fn balances(direction: &DirectionReport) {
    let rest = (direction.in_flight, direction.lost, direction.unexplained, direction.unmatched);
    assert_eq!(rest, (0, 0, 0, 0), "{direction:#?}");
    // Where nobody waits, a ring may be full at times, and the ledger says so.
    let arrived_or_died = direction.received.frames + direction.dropped_frames();
    assert_eq!(direction.sent.frames, arrived_or_died, "{direction:#?}");
}

/// Sends some frames and lets the observation look at what they left behind.
fn send_and_look(wire: &Wire, observation: &mut veth_observer::observe::Observation, frames: u64) {
    wire.lab.send_frames(0, X, &self::frames(), frames);
    wire.tend(observation);
}

#[test]
fn another_program_that_writes_the_control_block_and_then_goes_away() {
    let wire = Wire::new();
    let scribbler = bpf::load_scribbler();
    let ifindex = wire.lab.ifindex(0, X);
    let mut observation = wire.observe(wire.settings());
    send_and_look(&wire, &mut observation, 100);
    let link = wire.lab.namespace(0).run(|| bpf::attach(&scribbler, ifindex, Hook::TcxEgress)).unwrap();
    for _ in 0..10 {
        send_and_look(&wire, &mut observation, 100);
    }
    let [out, back] = observation.report().unwrap().pairs.remove(0).directions;
    assert_eq!((out.matching, back.matching), (Matching::Address, Matching::Stamp));
    assert_eq!((out.sent.frames, out.received.frames, out.received.bytes), (1100, 1100, 1100 * 64));
    balances(&out);
    // What came before the change was noticed is counted, but not timed.
    assert!((800..=1100).contains(&out.matched) && out.delay.count == out.matched, "{out:#?}");

    drop(link);
    for _ in 0..3 {
        send_and_look(&wire, &mut observation, 100);
    }
    let [out, _] = wire.finish(observation).pairs.remove(0).directions;
    assert_eq!((out.matching, out.sent.frames, out.received.frames), (Matching::Stamp, 1400, 1400));
    balances(&out);
}

#[test]
fn receive_offload_that_merges_frames() {
    let wire = Wire::new();
    // Without TSO at the sender, a receiver with GRO polls, and merges what fits together (veth_skb_is_eligible_for_gro).
    wire.lab.exec(1, &["ethtool", "-K", Y, "gro", "on"]);
    wire.lab.exec(0, &["ethtool", "-K", X, "tso", "off", "gso", "off"]);
    wire.over_both(|| {
        let to = SocketAddr::new(Y_IP.parse().unwrap(), 9);
        let (arrived, [out, back]) = wire.during(|| wire.lab.send_stream([0, 1], to, 64 << 20));
        assert_eq!(arrived, 64 << 20);
        assert!(out.received.skbs < out.received.frames, "frames were merged: {out:#?}");
        assert_eq!(out.matching, Matching::Digest);
        balances(&out);
        assert_closed(&back);
    });
}

#[test]
fn the_text_says_how_frames_were_recognised_and_how_many_have_a_delay() {
    let wire = Wire::new();
    wire.lab.exec(1, &["ethtool", "-K", Y, "gro", "on"]);
    wire.lab.exec(0, &["ethtool", "-K", X, "tso", "off", "gso", "off"]);
    let to = SocketAddr::new(Y_IP.parse().unwrap(), 9);
    let selector = wire.selector();
    for command in ["stats", "latency"] {
        let running = Run::here(&[command, &selector]).observing();
        wire.lab.send_stream([0, 1], to, 64 << 20);
        let said = running.interrupt().stdout;
        let lines: Vec<&str> = said.lines().filter(|line| line.contains("matching: ")).collect();
        let [line] = lines[..] else { panic!("{said}") };
        assert!(line.starts_with("vx > vy: frames are known by their first 80 bytes"), "{line}");
        let (timed, received) = line.rsplit_once(": ").unwrap().1.split_once(" of ").unwrap();
        let received = received.split_once(" received have one (").unwrap().0;
        let [timed, received]: [u64; 2] = [timed, received].map(|number| number.parse().unwrap());
        assert!(timed < received && received > 40_000, "{line}");
    }
}

#[test]
fn another_program_that_writes_the_control_block_before_ours_on_the_way_in() {
    let wire = Wire::new();
    let scribbler = bpf::load_scribbler();
    let ifindex = wire.lab.ifindex(1, Y);
    wire.over_both(|| {
        let mut observation = wire.observe(wire.settings());
        send_and_look(&wire, &mut observation, 100);
        let attach = || bpf::attach(&scribbler, ifindex, Hook::TcxIngressFirst);
        let link = wire.lab.namespace(1).run(attach).unwrap();
        for _ in 0..10 {
            send_and_look(&wire, &mut observation, 100);
        }
        let [out, _] = wire.finish(observation).pairs.remove(0).directions;
        assert_eq!((out.matching, out.sent.frames, out.received.frames), (Matching::Address, 1100, 1100));
        assert!(out.matched >= 800, "{out:#?}");
        balances(&out);
        drop(link);
    });
}

#[test]
fn a_few_frames_at_the_very_end() {
    let wire = Wire::new();
    let scribbler = bpf::load_scribbler();
    let ifindex = wire.lab.ifindex(0, X);
    let link = wire.lab.namespace(0).run(|| bpf::attach(&scribbler, ifindex, Hook::TcxEgress)).unwrap();
    let settings =
        veth_observer::observe::Settings { loss_timeout: Duration::from_millis(50), ..wire.settings() };
    let observation = wire.observe(settings);
    wire.lab.send_frames(0, X, &frames(), 7);
    let [out, _] = wire.finish(observation).pairs.remove(0).directions;
    assert_eq!((out.sent.frames, out.matched), (7, 0));
    balances(&out);
    drop(link);
}

#[test]
fn frames_that_bypass_us_are_no_reason_to_doubt_the_stamp() {
    let wire = Wire::new();
    wire.over_both(|| {
        let mut observation = wire.observe(wire.settings());
        for _ in 0..5 {
            send_and_look(&wire, &mut observation, 100);
            wire.lab.offer_frames_past_the_queue(0, X, &frames(), 50);
            wire.tend(&mut observation);
        }
        let [out, _] = wire.finish(observation).pairs.remove(0).directions;
        assert_eq!((out.matching, out.unmatched), (Matching::Stamp, 250));
        assert_eq!((out.sent.frames, out.received.frames, out.lost), (500, 500, 0));
    });
}
