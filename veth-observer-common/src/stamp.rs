//! What rides in `skb->cb` from the egress hook to the ingress hook: when a frame left, and a seal that says it is ours.

/// Bits of CLOCK_MONOTONIC, in nanoseconds, that a stamp carries: it wraps after nine minutes.
pub const TIME_BITS: u32 = 39;
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;
const SAMPLED: u64 = 1 << TIME_BITS;
const HEADER_SHIFT: u32 = TIME_BITS + 1;
const BODY_BITS: u32 = 48;
const BODY_MASK: u64 = (1 << BODY_BITS) - 1;

/// A stamp older than this is not believed. Longer than the longest loss timeout.
pub const HORIZON_NS: u64 = 1 << 36;

/// Two CPUs may read the clock a little out of order (kernel/time/timekeeping.c, `ktime_get_mono_fast_ns`); a stamp that
/// lies further in the future is not believed.
pub const SKEW_NS: u64 = 1_000_000;

/// What a frame carries to its other end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// CLOCK_MONOTONIC of departure, nanoseconds, cut to [`TIME_BITS`] bits.
    pub time: u64,
    /// Whether this frame was chosen for sampling, so that both ends choose the same.
    pub sampled: bool,
    /// Bytes of header that each segment of a GSO buffer repeats; at most 255.
    pub header: u32,
}

/// A believed stamp: what it said, and how long ago.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrival {
    pub stamp: Stamp,
    pub delay_ns: u64,
    /// The departure read later than the arrival; the delay is given as 0.
    pub clamped: bool,
}

/// 16 bits that depend on every bit of the body and of the key: the top of a product, to which all bits below carry. The
/// multiplier is 2⁶⁴ divided by the golden ratio.
#[inline(always)]
fn seal(body: u64, key: u64) -> u64 {
    (body ^ key).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> BODY_BITS
}

/// True when words that nobody wrote would pass as a stamp; such a key must not be used.
pub fn believes_zero(key: u64) -> bool {
    seal(0, key) == 0
}

impl Stamp {
    #[inline(always)]
    pub fn new(now: u64, sampled: bool, header: u32) -> Self {
        Self { time: now & TIME_MASK, sampled, header: if header > 255 { 255 } else { header } }
    }

    /// The two words of the control block, low one first.
    #[inline(always)]
    pub fn sealed(self, key: u64) -> [u32; 2] {
        let sampled = if self.sampled { SAMPLED } else { 0 };
        let body = self.time | sampled | u64::from(self.header) << HEADER_SHIFT;
        let word = body | seal(body, key) << BODY_BITS;
        [word as u32, (word >> 32) as u32]
    }

    /// What the words say, if they were sealed with `key` and speak of a plausible time.
    #[inline(always)]
    pub fn opened(words: [u32; 2], key: u64, now: u64) -> Option<Arrival> {
        let word = u64::from(words[0]) | u64::from(words[1]) << 32;
        let body = word & BODY_MASK;
        if seal(body, key) != word >> BODY_BITS {
            return None;
        }
        let stamp = Self {
            time: body & TIME_MASK,
            sampled: body & SAMPLED != 0,
            header: (body >> HEADER_SHIFT) as u32 & 255,
        };
        let age = now.wrapping_sub(stamp.time) & TIME_MASK;
        if age <= HORIZON_NS {
            Some(Arrival { stamp, delay_ns: age, clamped: false })
        } else if TIME_MASK - age < SKEW_NS {
            Some(Arrival { stamp, delay_ns: 0, clamped: true })
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: u64 = 0x1234_5678_9abc_def0;
    const NOW: u64 = 987_654_321_987_654;

    #[test]
    fn what_was_sealed_is_read_back() {
        for (sampled, header) in [(false, 0), (true, 66), (true, 255)] {
            let words = Stamp::new(NOW, sampled, header).sealed(KEY);
            let arrival = Stamp::opened(words, KEY, NOW + 1500).unwrap();
            assert_eq!(arrival.delay_ns, 1500);
            assert_eq!((arrival.stamp.sampled, arrival.stamp.header), (sampled, header));
            assert!(!arrival.clamped);
        }
    }

    #[test]
    fn time_may_wrap_between_the_ends() {
        let left = (5 << TIME_BITS) - 10;
        let words = Stamp::new(left, false, 0).sealed(KEY);
        assert_eq!(Stamp::opened(words, KEY, left + 30).unwrap().delay_ns, 30);
    }

    #[test]
    fn a_clock_that_stepped_back_a_little_is_clamped_and_a_lot_is_not_believed() {
        let words = Stamp::new(NOW, false, 0).sealed(KEY);
        let arrival = Stamp::opened(words, KEY, NOW - 5).unwrap();
        assert!(arrival.clamped && arrival.delay_ns == 0);
        assert_eq!(Stamp::opened(words, KEY, NOW - 2 * SKEW_NS), None);
        assert_eq!(Stamp::opened(words, KEY, NOW + 2 * HORIZON_NS), None);
    }

    #[test]
    fn another_key_another_bit_or_nothing_at_all_is_not_ours() {
        let words = Stamp::new(NOW, true, 66).sealed(KEY);
        assert_eq!(Stamp::opened(words, KEY ^ 1, NOW), None);
        for bit in 0..64 {
            let changed = if bit < 32 {
                [words[0] ^ 1 << bit, words[1]]
            } else {
                [words[0], words[1] ^ 1 << (bit - 32)]
            };
            assert_eq!(Stamp::opened(changed, KEY, NOW), None, "bit {bit}");
        }
        assert!(!believes_zero(KEY));
        assert_eq!(Stamp::opened([0, 0], KEY, NOW), None);
    }

    #[test]
    fn rubbish_passes_at_the_rate_of_the_seal_at_most() {
        let (mut passed, mut x) = (0, 1_u64);
        for _ in 0..2_000_000 {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            passed += u32::from(Stamp::opened([(x >> 11) as u32, (x >> 32) as u32], KEY, NOW).is_some());
        }
        // 2 000 000 / 65 536 seals, an eighth of them at a plausible time.
        assert!(passed < 20, "{passed}");
    }
}
