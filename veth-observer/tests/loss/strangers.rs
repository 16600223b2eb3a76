//! Deaths on other pairs, which another observer follows.

use veth_observer::{model::drop::Stage, observe::Settings};

use super::{PASSES, assert_balanced, assert_dropped, frame};
use crate::support::wire::{METHODS, Wire, X, Y};

/// So many that a seal of 16 bits, looked at in both directions, would fit some of them by chance: 6 on average.
const MANY: u64 = 200_000;

#[test]
fn frames_that_die_on_another_pair_are_not_ours() {
    let [idle, busy] = [Wire::new(), Wire::new()];
    busy.lab.ip(1, &["link", "set", Y, "mtu", "500"]);
    for attach in METHODS {
        let observations =
            [&idle, &busy].map(|wire| wire.observe(Settings { attach, ..Settings::default() }));
        assert_eq!(busy.lab.offer_frames(0, X, &frame(PASSES), MANY), MANY);
        let [idle, busy] = {
            let [first, second] = observations;
            [idle.finish(first), busy.finish(second)].map(|mut report| report.pairs.remove(0).directions)
        };
        assert_eq!(busy[0].sent.frames, MANY);
        let functions = ["__dev_forward_skb2", "__dev_forward_skb"];
        assert_dropped(&busy[0], MANY, Stage::Veth, "NOT_SPECIFIED", &functions);
        for direction in &idle {
            assert_balanced(direction);
            assert_eq!((direction.sent.frames, direction.dropped.len()), (0, 0), "{direction:#?}");
        }
    }
}
