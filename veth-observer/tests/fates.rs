//! What became of each single frame, against senders and counters that know.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use veth_observer::{
    model::{
        drop::Stage,
        report::DirectionReport,
        sample::{Fate, Point, Sample},
    },
    observe::{Observation, Sampling, Settings},
};

use crate::support::{
    bpf::{self, Hook},
    bursts::SuperFrames,
    wire::{Wire, X, Y, Y_IP, assert_closed},
};

/// A frame of 1000 bytes with its number behind the header.
fn numbered(number: u64) -> Vec<u8> {
    let mut frame = [&[0xff; 12][..], &[0x88, 0xb5], &number.to_be_bytes()].concat();
    frame.resize(1000, 0x5a);
    frame
}

fn number(sample: &Sample) -> u64 {
    u64::from_be_bytes(sample.bytes[14..22].try_into().unwrap())
}

fn sampling(ring_bytes: u32) -> Sampling {
    Sampling { departures: true, ring_bytes, ..Sampling::default() }
}

fn observe(wire: &Wire, sampling: Sampling) -> Observation {
    wire.observe(Settings { sampling: Some(sampling), ..wire.settings() })
}

/// All frames of an observation that came to its end, and the ledger from `vx`.
fn finish(wire: &Wire, mut observation: Observation) -> (Vec<Sample>, DirectionReport) {
    let report = wire.close(&mut observation);
    let samples = observation.samples(1 << 20).unwrap();
    assert_eq!(observation.samples(1).unwrap(), []);
    (samples, report.pairs.into_iter().next().unwrap().directions.into_iter().next().unwrap())
}

fn at(samples: &[Sample], point: Point) -> impl Iterator<Item = &Sample> {
    samples.iter().filter(move |sample| sample.point == point)
}

#[test]
fn every_frame_is_seen_at_both_ends_in_the_order_of_time() {
    let wire = Wire::new();
    wire.over_both(|| {
        let mut observation = observe(&wire, sampling(1 << 22));
        let mut samples = Vec::new();
        for round in 0..10 {
            wire.lab.offer_each(0, X, (0..100).map(|at| numbered(100 * round + at)));
            samples.extend(observation.samples(usize::MAX).unwrap());
        }
        let (rest, out) = finish(&wire, observation);
        samples.extend(rest);
        assert_closed(&out);
        for point in [Point::Sent, Point::Received] {
            let numbers: Vec<u64> = at(&samples, point).map(number).collect();
            assert_eq!(numbers, (0..1000).collect::<Vec<_>>(), "{point:?}");
        }
        assert!(samples.is_sorted_by_key(|sample| sample.at_ns));
        assert!(samples.iter().all(|sample| sample.delay_ns().is_some() && sample.bytes.len() == 96));
        for (sent, received) in at(&samples, Point::Sent).zip(at(&samples, Point::Received)) {
            assert_eq!((&sent.fate, sent.number), (&received.fate, received.number));
            assert_eq!((sent.end(), received.end()), (0, 1));
        }
    });
}

#[test]
fn the_frames_that_a_queue_refused_are_told_one_by_one() {
    let wire = Wire::new();
    wire.lab.exec(
        0,
        &"tc qdisc add dev vx root tbf rate 1mbit burst 2kb limit 20kb".split(' ').collect::<Vec<_>>(),
    );
    wire.over_both(|| {
        let before = wire.lab.qdisc_drops(0, X, "tbf");
        let observation = observe(&wire, sampling(1 << 22));
        wire.lab.offer_each(0, X, (0..100).map(numbered));
        let (samples, out) = finish(&wire, observation);
        let refused = wire.lab.qdisc_drops(0, X, "tbf") - before;
        assert!(refused > 0);
        let lost: BTreeSet<u64> =
            at(&samples, Point::Sent).filter(|sample| sample.fate.is_loss()).map(number).collect();
        let arrived: BTreeSet<u64> = at(&samples, Point::Received).map(number).collect();
        assert_eq!((lost.len() as u64, out.dropped_frames()), (refused, refused));
        assert_eq!(&lost | &arrived, (0..100).collect());
        assert!(lost.is_disjoint(&arrived));
        for sample in at(&samples, Point::Sent).filter(|sample| sample.fate.is_loss()) {
            let Fate::Dropped { stage: Stage::Qdisc, reason: Some(reason), location, .. } = &sample.fate
            else {
                panic!("{sample:?}");
            };
            assert!(reason.starts_with("QDISC_") && !location.is_empty(), "{sample:?}");
        }
    });
}

#[test]
fn a_super_frame_that_lost_a_segment_is_lost_and_others_are_not() {
    let wire = Wire::new();
    wire.lab.exec(
        0,
        &"tc qdisc add dev vx root tbf rate 1mbit burst 2kb limit 20kb".split(' ').collect::<Vec<_>>(),
    );
    let sender = SuperFrames::new(&wire.lab, [0, 1], SocketAddr::new(Y_IP.parse().unwrap(), 9));
    wire.over_both(|| {
        let observation = observe(&wire, sampling(1 << 22));
        sender.send(20);
        let (samples, out) = finish(&wire, observation);
        assert_eq!(at(&samples, Point::Sent).count(), 20);
        let frames = |point| at(&samples, point).map(|sample| u64::from(sample.frames)).sum::<u64>();
        assert_eq!((frames(Point::Sent), frames(Point::Received)), (200, out.received.frames));
        for sent in at(&samples, Point::Sent) {
            let pieces: u32 = at(&samples, Point::Received)
                .filter(|piece| piece.number == sent.number)
                .map(|piece| piece.frames)
                .sum();
            assert_eq!(sent.fate.is_loss(), pieces < sent.frames, "{pieces} {sent:?}");
        }
    });
}

#[test]
fn a_frame_whose_record_found_no_room_is_never_called_lost() {
    let wire = Wire::new();
    let mut observation = observe(&wire, sampling(1 << 16));
    wire.lab.offer_each(0, X, (0..5000).map(numbered));
    let [left, arrived] = observation.sampled().unwrap();
    assert!(left.lost > 0 && arrived.lost > 0, "{left:?} {arrived:?}");
    assert_eq!((left.taken + left.lost, arrived.taken + arrived.lost), (5000, 5000));
    let (samples, out) = finish(&wire, observation);
    assert_closed(&out);
    assert_eq!(samples.len() as u64, left.taken + arrived.taken);
    assert_eq!(out.collection_loss, left.lost + arrived.lost);
    assert!(samples.iter().all(|sample| !sample.fate.is_loss()));
}

#[test]
fn frames_that_vanish_without_a_trace_are_lost_after_the_timeout() {
    let wire = Wire::new();
    // XDP in the driver throws them back to an end without a ring: the buffers are consumed, not dropped.
    let thrower = bpf::load(Hook::XdpNative, "thrower", 3);
    let ifindex = wire.lab.ifindex(1, Y);
    let link = wire.lab.namespace(1).run(|| bpf::attach(&thrower, ifindex, Hook::XdpNative)).unwrap();
    let loss_timeout = Duration::from_millis(200);
    let observation =
        wire.observe(Settings { sampling: Some(sampling(1 << 22)), loss_timeout, ..wire.settings() });
    wire.lab.offer_each(0, X, (0..50).map(numbered));
    let (samples, out) = finish(&wire, observation);
    drop(link);
    assert_eq!(out.lost, 50, "{out:#?}");
    assert!(at(&samples, Point::Sent).all(|sample| sample.fate == Fate::Lost { frames: 1 }), "{samples:?}");
    assert_eq!((at(&samples, Point::Sent).count(), at(&samples, Point::Received).count()), (50, 0));
}
