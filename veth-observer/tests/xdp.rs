//! Arrivals at XDP, in the driver and generic: the numbers are as exact as at tc ingress.

mod beside;
mod counts;
mod leaving;
mod loss;
mod refusals;

use std::net::SocketAddr;

use veth_observer::{
    model::report::{DirectionReport, Matching},
    observe::{Hook, Settings},
    wire::PacketSocket,
};

use crate::support::wire::{Wire, X, Y_IP};

const NATIVE: Hook = Hook::Xdp { generic: false };
const GENERIC: Hook = Hook::Xdp { generic: true };

fn to_y() -> SocketAddr {
    SocketAddr::new(Y_IP.parse().unwrap(), 9)
}

fn settings(wire: &Wire, hook: Hook) -> Settings {
    Settings { hook, notice: |_| (), ..wire.settings() }
}

/// How frames are recognised at a hook where nothing is in the way.
fn matching(hook: Hook) -> Matching {
    if hook == NATIVE { Matching::Digest } else { Matching::Stamp }
}

/// In both modes, over both ways of attaching, observes while `traffic` runs and hands over what came out.
fn in_all_ways<T>(wire: &Wire, traffic: impl Fn() -> T, check: impl Fn(Hook, T, [DirectionReport; 2])) {
    for hook in [NATIVE, GENERIC] {
        wire.over_both(|| {
            let observation = wire.observe(settings(wire, hook));
            let done = traffic();
            let directions = wire.finish(observation).pairs.remove(0).directions;
            for direction in &directions {
                assert_eq!(direction.matching, matching(hook));
            }
            check(hook, done, directions);
        });
    }
}

/// Every frame sent was received or seen to die.
#[track_caller]
fn assert_balanced(out: &DirectionReport) {
    let rest = (out.lost, out.in_flight, out.unexplained, out.unmatched, out.collection_loss);
    assert_eq!(rest, (0, 0, 0, 0, 0), "{out:#?}");
    assert_eq!(out.sent.frames, out.received.frames + out.dropped_frames(), "{out:#?}");
}

/// Sends frames that no other is like from `vx`.
fn send_numbered(wire: &Wire, numbers: std::ops::Range<u64>) {
    let ifindex = wire.lab.ifindex(0, X);
    let socket = wire.lab.namespace(0).run(|| PacketSocket::open(ifindex)).unwrap().unwrap();
    for number in numbers {
        socket.send(&numbered(0x88b5, number)).unwrap();
    }
}

/// A frame of 100 bytes that no other is like.
fn numbered(ethertype: u16, number: u64) -> Vec<u8> {
    let head = [&[0xff; 12][..], &ethertype.to_be_bytes(), &number.to_be_bytes()];
    let mut frame = head.concat();
    frame.resize(100, 0x5a);
    frame
}
