//! Frames that never pass the egress hook: PACKET_QDISC_BYPASS.

use super::{PASSES, assert_balanced, during, frame};
use crate::support::wire::{Wire, X, Y};

#[test]
fn frames_past_the_egress_hook_are_unmatched_and_in_no_other_count() {
    let wire = Wire::new();
    wire.over_both(|| {
        let ((), mut out) = during(&wire, || {
            assert_eq!(wire.lab.offer_frames_past_the_queue(0, X, &frame(PASSES), 100), 0);
            wire.lab.send_frames(0, X, &frame(PASSES), 11);
        });
        assert_eq!((out.sent.frames, out.received.frames), (11, 11));
        assert_eq!(std::mem::take(&mut out.unmatched), 100);
        assert_balanced(&out);
    });
}

#[test]
fn deaths_past_the_egress_hook_are_nobody_s_loss() {
    let wire = Wire::new();
    wire.lab.ip(1, &["link", "set", Y, "mtu", "500"]);
    wire.over_both(|| {
        let before = wire.lab.device_drops(0, X)[0];
        let (refused, out) =
            during(&wire, || wire.lab.offer_frames_past_the_queue(0, X, &frame(PASSES), 100));
        assert_eq!((refused, wire.lab.device_drops(0, X)[0] - before), (100, 100));
        assert_eq!((out.sent.frames, out.received.frames, out.dropped_frames()), (0, 0, 0));
        assert_balanced(&out);
    });
}
