//! What must hold for any input: the arithmetic of the ledger, the buckets, GSO and the stamp.

use proptest::prelude::*;

mod arithmetic;
mod delays;
mod ledger;

/// What the grid of the buckets resolves, 8 ns to a minute, each order of magnitude as likely as the next.
fn delay() -> impl Strategy<Value = u64> {
    (3_u32..36, any::<u64>())
        .prop_map(|(octave, rest)| ((1 << octave) + rest % (1 << octave)).min(60_000_000_000))
}

#[expect(clippy::cast_precision_loss, reason = "times of these tests are far below 2^53")]
fn number(ns: u64) -> f64 {
    ns as f64
}
