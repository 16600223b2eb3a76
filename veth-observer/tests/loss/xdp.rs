//! XDP programs of the receiving end, in the driver and generic.

use veth_observer::model::{driver::DriverCounts, drop::Stage};

use super::{PASSES, assert_dropped, during, frame, to_y};
use crate::support::{
    bpf::{self, Hook},
    bursts::SuperFrames,
    wire::{Wire, X, Y},
};

const DROP: i32 = 1;
const TX: i32 = 3;

/// 100 frames and 20 super-frames of 10, all of them dropped by a program at `vy`; the driver counts this share of them.
fn dropped_by(hook: Hook, function: &str, by_driver: u64) {
    let wire = Wire::new();
    let ifindex = wire.lab.ifindex(1, Y);
    let eater = bpf::load(hook, "eater", DROP);
    let link = wire.lab.namespace(1).run(|| bpf::attach(&eater, ifindex, hook)).unwrap();
    let sender = SuperFrames::new(&wire.lab, [0, 1], to_y());
    let counts = |frames| Some(DriverCounts { xdp_drops: frames * by_driver, ..DriverCounts::default() });
    wire.over_both(|| {
        let ((), frames) = during(&wire, || wire.lab.send_frames(0, X, &frame(PASSES), 100));
        assert_eq!(frames.sent.frames, 100);
        assert_dropped(&frames, 100, Stage::Xdp, "NOT_SPECIFIED", &[function]);
        assert_eq!(frames.driver, counts(100));
        let ((), supers) = during(&wire, || sender.send(20));
        assert_eq!((supers.sent.skbs, supers.sent.frames), (20, 200));
        assert_dropped(&supers, 200, Stage::Xdp, "NOT_SPECIFIED", &[function]);
        assert_eq!(supers.driver, counts(200));
    });
    drop(link);
}

#[test]
fn what_a_native_program_drops() {
    // A peer with XDP takes no super-frames: they are cut up before the pair, and the driver counts each.
    dropped_by(Hook::XdpNative, "veth_xdp_rcv_skb", 1);
}

#[test]
fn what_a_generic_program_drops() {
    dropped_by(Hook::XdpGeneric, "do_xdp_generic", 0);
}

#[test]
fn what_a_native_program_throws_back_to_an_end_without_a_ring() {
    let wire = Wire::new();
    let ifindex = wire.lab.ifindex(1, Y);
    let thrower = bpf::load(Hook::XdpNative, "thrower", TX);
    let link = wire.lab.namespace(1).run(|| bpf::attach(&thrower, ifindex, Hook::XdpNative)).unwrap();
    wire.over_both(|| {
        let ((), out) = during(&wire, || wire.lab.send_frames(0, X, &frame(PASSES), 7));
        let fates = (out.sent.frames, out.received.frames, out.lost, out.unexplained);
        assert_eq!(fates, (7, 0, 7, 0), "{out:#?}");
        assert_eq!(out.driver, Some(DriverCounts { xdp_tx_errors: 7, ..DriverCounts::default() }));
    });
    drop(link);
}
