//! The queue of the CPU that receives (`net.core.netdev_max_backlog`).

use veth_observer::model::drop::Stage;

use super::{PASSES, assert_dropped, during, frame, some};
use crate::support::{
    bursts::{Copier, SuperFrames},
    netns::run,
    wire::{Wire, X, Y},
};

/// What both devices counted as dropped on the way from one to the other.
fn drops(wire: &Wire) -> (u64, u64) {
    (wire.lab.device_drops(0, X)[0], wire.lab.device_drops(1, Y)[1])
}

/// More than the queue of a CPU holds, with a device that sends as much in one step.
fn overflowing() -> (Wire, Copier, u64) {
    let longest: u64 = run("sysctl", &["-n", "net.core.netdev_max_backlog"]).trim().parse().unwrap();
    let count = longest + 500;
    let wire = Wire::new();
    let copier = Copier::new(&wire.lab, X, usize::try_from(count).unwrap());
    (wire, copier, count)
}

const FUNCTIONS: &[&str] = &["enqueue_to_backlog", "netif_rx_internal", "__netif_rx", "netif_rx"];

#[test]
fn frames_that_find_the_backlog_full() {
    let (wire, _copier, copies) = overflowing();
    wire.over_both(|| {
        let before = drops(&wire);
        let ((), out) = during(&wire, || {
            wire.lab.offer_frames(0, Copier::DEVICE, &frame(PASSES), 1);
        });
        let after = drops(&wire);
        assert_eq!((out.sent.skbs, out.sent.frames), (copies, copies));
        let dropped = some(after.0 - before.0);
        // The receiving end also counts what arrived and nobody there wanted.
        assert_eq!(after.1 - before.1, dropped + out.received.skbs);
        assert_dropped(&out, dropped, Stage::Backlog, "CPU_BACKLOG", FUNCTIONS);
    });
}

#[test]
fn super_frames_that_find_the_backlog_full() {
    let (wire, _copier, copies) = overflowing();
    Copier::route(&wire.lab, "10.78.0.9", "02:00:00:00:00:0b");
    let sender = SuperFrames::unheard(&wire.lab, 0, "10.78.0.9:9".parse().unwrap());
    wire.over_both(|| {
        let before = drops(&wire);
        let ((), out) = during(&wire, || sender.send(1));
        let after = drops(&wire);
        assert_eq!((out.sent.skbs, out.sent.frames), (copies, copies * SuperFrames::SEGMENTS));
        let dropped = some(after.0 - before.0);
        assert_eq!(after.1 - before.1, dropped);
        assert_dropped(&out, dropped * SuperFrames::SEGMENTS, Stage::Backlog, "CPU_BACKLOG", FUNCTIONS);
    });
}
