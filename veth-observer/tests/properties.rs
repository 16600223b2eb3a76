//! What must hold for any input: the arithmetic of the ledger, the buckets, GSO and the stamp.

use proptest::prelude::*;

mod arithmetic;
mod delays;
mod ledger;

/// What the grid of the buckets resolves, 64 ns to half a second, each order of magnitude as likely as the next.
fn delay() -> impl Strategy<Value = u64> {
    (6_u32..29, any::<u64>()).prop_map(|(octave, rest)| (1 << octave) + rest % (1 << octave))
}
