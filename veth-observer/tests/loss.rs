//! Frames lost in a known way and number: each is charged to its place and reason, and the ledger closes.

mod backlog;
mod bypass;
mod copies;
mod peer;
mod programs;
mod queue;
mod ring;
mod strangers;
mod xdp;

use std::net::SocketAddr;

use veth_observer::model::{drop::Stage, report::DirectionReport};

use crate::support::wire::{Wire, Y_IP};

/// A frame of 1000 bytes with an EtherType of local experiments (IEEE 802).
fn frame(ethertype: u16) -> Vec<u8> {
    let mut frame = [&[0xff; 12][..], &ethertype.to_be_bytes()].concat();
    frame.resize(1000, 0x5a);
    frame
}

/// What passes and what a program shoots.
const PASSES: u16 = 0x88b5;
const SHOT: u16 = 0x88b6;

fn to_y() -> SocketAddr {
    SocketAddr::new(Y_IP.parse().unwrap(), 9)
}

/// Observes while there is traffic from `vx`, and gives that direction once it has come to rest.
fn during<T>(wire: &Wire, traffic: impl FnOnce() -> T) -> (T, DirectionReport) {
    let (done, [out, _]) = wire.during(traffic);
    (done, out)
}

/// Every frame sent was received or seen to die, and all that arrived was seen sent.
#[track_caller]
fn assert_balanced(out: &DirectionReport) {
    assert_eq!((out.lost, out.in_flight, out.unexplained, out.unmatched), (0, 0, 0, 0), "{out:#?}");
    assert_eq!(out.sent.frames, out.received.frames + out.dropped_frames(), "{out:#?}");
}

/// This many frames died, all of them at one stage, for a reason that begins so, in one of these functions: which one
/// depends on the kernel and its compiler.
#[track_caller]
fn assert_dropped(out: &DirectionReport, frames: u64, stage: Stage, reason: &str, functions: &[&str]) {
    assert_balanced(out);
    assert_eq!(out.dropped_frames(), frames, "{out:#?}");
    for place in &out.dropped {
        let function = place.location.split(' ').next().unwrap();
        let why = place.reason.as_deref().unwrap_or_default();
        assert!(
            place.stage == stage && why.starts_with(reason) && functions.contains(&function),
            "{place:?}"
        );
    }
}

/// A copy of a number that must not be zero for the test to say anything.
#[track_caller]
fn some(count: u64) -> u64 {
    assert!(count > 0, "nothing was dropped");
    count
}
