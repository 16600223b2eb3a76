//! When frames that left were at the places on their way, as two tracepoints of the kernel see them.

use crate::{DIRECTIONS, counters::Variation};

/// Bit of the key that the stamps of probe frames are sealed with beside the direction. The seals of all keys differ by
/// more than any number of CPUs: see the test.
pub const PROBE_KEY: u64 = 2;

/// Values in the map: traffic and probes, each direction of one pair.
pub const KINDS: u32 = 2 * DIRECTIONS;

/// Times since departure, weighted by frames.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stages {
    /// When the queueing discipline gave the frame to the driver (`net_dev_start_xmit`).
    pub to_device: Variation,
    /// When the stack of the receiving end got it (`netif_receive_skb`).
    pub to_stack: Variation,
}

/// Index of the stages of a kind: traffic by direction, then probes by direction.
pub const fn index(direction: u32, probes: bool) -> u32 {
    direction + if probes { DIRECTIONS } else { 0 }
}

impl Stages {
    pub const ZERO: Self = Self { to_device: Variation::ZERO, to_stack: Variation::ZERO };

    /// Adds what another CPU counted.
    pub fn merge(&mut self, other: &Self) {
        self.to_device.merge(&other.to_device);
        self.to_stack.merge(&other.to_stack);
    }
}

// SAFETY: repr(C), made of u64 only: no padding, no invalid bit pattern.
#[cfg(feature = "user")]
unsafe impl aya::Pod for Stages {}

#[cfg(test)]
mod tests {
    use super::PROBE_KEY;
    use crate::stamp::{OUTSIDE_KEY, Stamp};

    /// Traffic and probes of both directions, and traffic outside the observation.
    const KINDS_OF_KEY: [u64; 6] = [0, 1, PROBE_KEY, PROBE_KEY | 1, OUTSIDE_KEY, OUTSIDE_KEY | 1];

    #[test]
    fn no_stamp_of_one_kind_passes_for_another() {
        // The closest two seals are 7,735 apart: more CPUs no machine has.
        let (cpus, mut x) = (7_700, 88_172_645_463_325_252_u64);
        for _ in 0..2000 {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            for kind in KINDS_OF_KEY {
                let words = Stamp::new(x >> 3, x & 1 == 1, 66, x as u32 % 8).sealed(x ^ kind);
                for other in KINDS_OF_KEY {
                    let opened = Stamp::unsealed(words, x ^ other, cpus);
                    assert_eq!(opened.is_some(), other == kind, "{x} {kind} {other}");
                }
            }
        }
    }
}
