//! The ring between the sender and a receiver that polls.

use veth_observer::model::drop::Stage;

use super::{PASSES, assert_dropped, during, frame, some};
use crate::support::{
    bpf::{self, Hook},
    bursts::{Copier, SuperFrames},
    wire::{Wire, X, Y},
};

/// VETH_RING_SIZE of drivers/net/veth.c.
const RING: u64 = 256;

const COPIES: u64 = 600;

const FUNCTIONS: &[&str] = &["veth_xmit", "dev_kfree_skb_any_reason", "__dev_kfree_skb_any"];

/// With a program at `vy`, which polls then, and a device that fills the ring of `vy` in one step.
fn polling() -> (Wire, [Box<dyn std::any::Any>; 2]) {
    let wire = Wire::new();
    let pass = bpf::load(Hook::XdpNative, "passer", 2);
    let ifindex = wire.lab.ifindex(1, Y);
    let link = wire.lab.namespace(1).run(|| bpf::attach(&pass, ifindex, Hook::XdpNative)).unwrap();
    let copier = Copier::new(&wire.lab, X, usize::try_from(COPIES).unwrap());
    (wire, [Box::new(link), Box::new(copier)])
}

#[test]
fn frames_that_find_the_ring_full() {
    let (wire, _kept) = polling();
    wire.over_both(|| {
        let before = wire.lab.device_drops(0, X)[0];
        let ((), out) = during(&wire, || {
            wire.lab.offer_frames(0, Copier::DEVICE, &frame(PASSES), 1);
        });
        assert_eq!(out.sent.frames, COPIES);
        assert_eq!(wire.lab.device_drops(0, X)[0] - before, COPIES - RING);
        assert_dropped(&out, COPIES - RING, Stage::Ring, "NOT_SPECIFIED", FUNCTIONS);
    });
}

#[test]
fn segments_of_super_frames_that_find_the_ring_full() {
    let (wire, _kept) = polling();
    Copier::route(&wire.lab, "10.78.0.9", "02:00:00:00:00:0b");
    let sender = SuperFrames::unheard(&wire.lab, 0, "10.78.0.9:9".parse().unwrap());
    wire.over_both(|| {
        let before = wire.lab.device_drops(0, X)[0];
        let ((), out) = during(&wire, || sender.send(1));
        assert_eq!((out.sent.skbs, out.sent.frames), (COPIES, COPIES * SuperFrames::SEGMENTS));
        // A peer with XDP takes no super-frames: each segment comes to the ring by itself.
        let drops = some(wire.lab.device_drops(0, X)[0] - before);
        assert_eq!(drops, COPIES * SuperFrames::SEGMENTS - RING);
        assert_dropped(&out, drops, Stage::Ring, "NOT_SPECIFIED", FUNCTIONS);
    });
}
