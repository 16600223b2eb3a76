//! XDP programs of the receiving end, in the driver and generic.

use veth_observer::{collect::DriverDrops, model::drop::Stage};

use super::{PASSES, assert_dropped, during, frame, to_y};
use crate::support::{
    bpf::{self, Hook},
    bursts::SuperFrames,
    wire::{Wire, X, Y},
};

const DROP: i32 = 1;

/// 100 frames and 20 super-frames of 10, all of them dropped by a program at `vy`; what the driver counted meanwhile.
fn dropped_by(hook: Hook, function: &str) -> u64 {
    let wire = Wire::new();
    let ifindex = wire.lab.ifindex(1, Y);
    let eater = bpf::load(hook, "eater", DROP);
    let link = wire.lab.namespace(1).run(|| bpf::attach(&eater, ifindex, hook)).unwrap();
    let sender = SuperFrames::new(&wire.lab, [0, 1], to_y());
    let counted = || wire.lab.namespace(1).run(|| DriverDrops::read(ifindex)).unwrap().unwrap().xdp;
    wire.over_both(|| {
        let ((), frames) = during(&wire, || wire.lab.send_frames(0, X, &frame(PASSES), 100));
        assert_eq!(frames.sent.frames, 100);
        assert_dropped(&frames, 100, Stage::Xdp, "NOT_SPECIFIED", &[function]);
        let ((), supers) = during(&wire, || sender.send(20));
        assert_eq!((supers.sent.skbs, supers.sent.frames), (20, 200));
        assert_dropped(&supers, 200, Stage::Xdp, "NOT_SPECIFIED", &[function]);
    });
    drop(link);
    counted()
}

#[test]
fn what_a_native_program_drops() {
    // A peer with XDP takes no super-frames: they are cut up before the pair, and the driver counts each.
    assert_eq!(dropped_by(Hook::XdpNative, "veth_xdp_rcv_skb"), 2 * 300);
}

#[test]
fn what_a_generic_program_drops() {
    assert_eq!(dropped_by(Hook::XdpGeneric, "do_xdp_generic"), 0);
}
