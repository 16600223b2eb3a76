//! Frame by frame against tcpdump on each end: the same bytes, in the same order, at the same time.

use std::net::SocketAddr;

use super::{File, numbered};
use crate::support::{
    bursts::SuperFrames,
    command::Run,
    wire::{Wire, X, X_MAC, Y, Y_IP, Y_MAC},
    witness::{Packet, Tcpdump},
};

/// Snap lengths: the beginning, and all.
const SNAPLENS: [u32; 2] = [100, 65_553];

/// tcpdump's time of a frame that leaves is taken behind the queueing discipline, ours before it; its time of one that
/// arrives is taken before the backlog, ours behind it. What interrupts a CPU in between is in the difference, and of a frame
/// that leaves the time it takes to copy it.
const HALF_WITHIN_NS: i64 = 20_000;
const MOST_WITHIN_NS: i64 = 50_000;

fn to_y() -> SocketAddr {
    SocketAddr::new(Y_IP.parse().unwrap(), 9)
}

/// Has both capture what `traffic` sends, holds one against the other and gives the packets of each end.
fn equal(wire: &Wire, snaplen: u32, traffic: impl FnOnce()) -> [Vec<Packet>; 2] {
    let theirs = [Tcpdump::start(&wire.lab, 0, X, snaplen), Tcpdump::start(&wire.lab, 1, Y, snaplen)];
    let file = File::new("equal.pcapng");
    let (selector, snaplen) = (wire.selector(), snaplen.to_string());
    // As large as that of tcpdump.
    let ring = ["--ring-size", "64MiB"];
    let args = ["capture", &selector, "-w", file.path(), "--snaplen", &snaplen];
    let capture = Run::here(&[&args[..], &ring].concat()).observing();
    traffic();
    let outcome = capture.interrupt();
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""), "{outcome:?}");
    assert!(outcome.stderr.contains(", 0 lost because"), "{outcome:?}");
    let ours = [0, 1].map(|end| file.packets(&format!("frame.interface_id == {end}")));
    for (end, (ours, theirs)) in ours.iter().zip(theirs).enumerate().rev() {
        let theirs = theirs.packets(ours.len());
        assert!(!ours.is_empty(), "nothing at end {end}");
        for mac in [X_MAC, Y_MAC] {
            assert_same(end, &from(ours, mac), &from(&theirs, mac));
        }
    }
    ours
}

/// What one end sent: two ways at a time, each on a CPU of its own, have no order among them.
fn from(packets: &[Packet], mac: [u8; 6]) -> Vec<Packet> {
    packets.iter().filter(|packet| packet.bytes[6..12] == mac).cloned().collect()
}

#[track_caller]
fn assert_same(end: usize, ours: &[Packet], theirs: &[Packet]) {
    assert_eq!(ours.len(), theirs.len(), "packets at end {end}");
    for (at, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        assert_eq!((ours.len, &ours.bytes), (theirs.len, &theirs.bytes), "packet {at} of end {end}");
    }
    let apart = |(ours, theirs): (&Packet, &Packet)| (ours.at_ns - theirs.at_ns).abs();
    let mut apart: Vec<i64> = ours.iter().zip(theirs).map(apart).collect();
    apart.sort_unstable();
    let Some(last) = apart.len().checked_sub(1) else { return };
    let (half, most) = (apart[last / 2], apart[last * 99 / 100]);
    eprintln!("end {end}: {} packets, apart by p50 {half} p99 {most} max {} ns", apart.len(), apart[last]);
    assert!(half < HALF_WITHIN_NS && most < MOST_WITHIN_NS, "end {end}: p50 {half} p99 {most} ns apart");
}

/// A numbered frame from X.
fn from_x(number: u32, len: usize) -> Vec<u8> {
    let mut frame = numbered(number, len);
    frame[6..12].copy_from_slice(&X_MAC);
    frame
}

#[test]
fn plain_frames_of_all_lengths() {
    let wire = Wire::new();
    for snaplen in SNAPLENS {
        let [sent, received] = equal(&wire, snaplen, || {
            wire.lab.send_in_turn(0, X, (0..1000).map(|number| from_x(number, 60 + number as usize)));
        });
        assert_eq!((sent.len(), received.len()), (1000, 1000));
    }
}

#[test]
fn tagged_frames() {
    let wire = Wire::new();
    for snaplen in SNAPLENS {
        let [_, received] = equal(&wire, snaplen, || {
            wire.lab.send_in_turn(
                0,
                X,
                (0..1000).map(|number| {
                    let mut frame = from_x(number, 80 + (number as usize & 63));
                    frame.splice(12..12, [0x81, 0x00, 0x60, 0x64]);
                    frame
                }),
            );
        });
        assert_eq!(received[7].bytes[12..16], [0x81, 0x00, 0x60, 0x64]);
    }
}

#[test]
fn super_frames() {
    let wire = Wire::new();
    let sender = SuperFrames::new(&wire.lab, [0, 1], to_y());
    for snaplen in SNAPLENS {
        let [_, received] = equal(&wire, snaplen, || sender.send(500));
        assert_eq!((received.len(), received[0].len), (500, 10_042));
    }
}

#[test]
fn a_tcp_stream() {
    let wire = Wire::new();
    for snaplen in SNAPLENS {
        equal(&wire, snaplen, || assert_eq!(wire.lab.send_stream([0, 1], to_y(), 4 << 20), 4 << 20));
    }
}
