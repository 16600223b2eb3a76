//! Observations that begin and end while traffic passes: what left before or after is in no number.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use veth_observer::{
    model::report::{DirectionReport, Matching},
    observe::{Hook as At, Settings},
};

use crate::support::{
    bpf::{self, Hook},
    netns::Lab,
    wire::{Wire, X, Y, Y_IP, assert_closed},
};

/// Long enough to be under way at any moment.
const WHILE: Duration = Duration::from_millis(300);

/// Sends frames that all differ until told to stop.
fn flood(lab: &Lab, stop: &AtomicBool) {
    let frames = (0_u64..20_000_000).take_while(|_| !stop.load(Ordering::Relaxed)).map(|number| {
        let mut frame = [&[0xff; 12][..], &[0x88, 0xb5], &number.to_be_bytes()].concat();
        frame.resize(100, 0x5a);
        frame
    });
    lab.send_each(0, X, frames);
}

/// A TCP stream that goes on until told to stop.
fn stream(lab: &Lab, stop: &AtomicBool) {
    let to = SocketAddr::new(Y_IP.parse().unwrap(), 9);
    let listener = lab.namespace(1).run(|| TcpListener::bind(to)).unwrap().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut scratch = vec![0; 1 << 18];
            while stream.read(&mut scratch).unwrap() > 0 {}
        });
        let mut stream = lab.namespace(0).run(|| TcpStream::connect(to)).unwrap().unwrap();
        let chunk = vec![0x5a; 1 << 16];
        while !stop.load(Ordering::Relaxed) {
            stream.write_all(&chunk).unwrap();
        }
    });
}

/// Observes in the midst of traffic from `vx`.
fn amid(wire: &Wire, settings: Settings, traffic: fn(&Lab, &AtomicBool)) -> [DirectionReport; 2] {
    let stop = AtomicBool::new(false);
    let lab = &wire.lab;
    thread::scope(|scope| {
        let sender = scope.spawn(|| traffic(lab, &stop));
        let before = lab.device_counters(0, X).tx_packets;
        while lab.device_counters(0, X).tx_packets < before + 1000 {
            assert!(!sender.is_finished(), "there is traffic");
        }
        let mut observation = wire.observe(settings);
        thread::sleep(WHILE);
        wire.tend(&mut observation);
        let report = wire.finish(observation);
        assert!(!sender.is_finished(), "there is traffic still");
        stop.store(true, Ordering::Relaxed);
        report.pairs.into_iter().next().unwrap().directions
    })
}

#[test]
fn frames_that_carry_their_stamp() {
    let wire = Wire::new();
    wire.over_both(|| {
        for hook in [At::Tc, At::Xdp { generic: true }] {
            let [out, back] = amid(&wire, Settings { hook, ..wire.settings() }, flood);
            assert!(out.sent.frames > 1000 && out.matching == Matching::Stamp, "{out:#?}");
            assert_closed(&out);
            assert_closed(&back);
        }
    });
}

#[test]
fn a_stream_of_super_frames() {
    let wire = Wire::new();
    wire.over_both(|| {
        let [out, back] = amid(&wire, wire.settings(), stream);
        assert!(out.sent.frames > out.sent.skbs, "there was GSO: {out:#?}");
        assert_closed(&out);
        assert_closed(&back);
    });
}

#[test]
fn frames_whose_stamp_is_written_over() {
    let wire = Wire::new();
    let scribbler = bpf::load_scribbler();
    let ifindex = wire.lab.ifindex(0, X);
    let link = wire.lab.namespace(0).run(|| bpf::attach(&scribbler, ifindex, Hook::TcxEgress)).unwrap();
    let [out, _] = amid(&wire, wire.settings(), flood);
    assert_eq!(out.matching, Matching::Address);
    assert!(out.sent.frames > 1000, "{out:#?}");
    assert_closed(&out);
    drop(link);
}

/// Frames that GRO makes one buffer of, at most.
const MERGED: u64 = 46;

#[test]
fn a_stream_that_is_merged_where_it_arrives() {
    let wire = Wire::new();
    wire.lab.exec(1, &["ethtool", "-K", Y, "gro", "on"]);
    wire.lab.exec(0, &["ethtool", "-K", X, "tso", "off", "gso", "off"]);
    wire.over_both(|| {
        let [out, back] = amid(&wire, wire.settings(), stream);
        assert_eq!(out.matching, Matching::Digest);
        assert!(out.sent.frames > 1000 && out.received.skbs < out.received.frames, "{out:#?}");
        // Of a buffer whose first frame left before, the rest is not known.
        assert!(out.lost <= MERGED, "{out:#?}");
        assert_eq!((out.unexplained, out.unmatched, out.in_flight), (0, 0, 0), "{out:#?}");
        assert_closed(&back);
    });
}

#[test]
fn frames_that_arrive_in_the_driver() {
    let wire = Wire::new();
    let hook = At::Xdp { generic: false };
    let [out, _] = amid(&wire, Settings { hook, ..wire.settings() }, flood);
    assert!(out.sent.frames > 1000, "{out:#?}");
    assert_eq!(out.sent.frames, out.received.frames + out.dropped_frames(), "{out:#?}");
    assert_eq!((out.lost, out.in_flight, out.unexplained, out.unmatched), (0, 0, 0, 0), "{out:#?}");
}
