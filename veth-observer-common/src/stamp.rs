//! What rides in `skb->cb` from the egress hook to the ingress hook: when a frame left, and a seal that says it is ours.

/// Bits of CLOCK_MONOTONIC, in nanoseconds, that a stamp carries: it wraps after 18 minutes.
pub const TIME_BITS: u32 = 40;
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;
const SAMPLED: u64 = 1 << TIME_BITS;
const HEADER_SHIFT: u32 = TIME_BITS + 1;
/// Headers are an even number of bytes: Ethernet, IP, TCP, UDP and all tunnels of them.
const HEADER_UNIT: u32 = 2;
const HEADER_MAX: u32 = 127 * HEADER_UNIT;
const BODY_BITS: u32 = 48;
const BODY_MASK: u64 = (1 << BODY_BITS) - 1;

/// A stamp older than this is not believed. Longer than the longest loss timeout.
pub const HORIZON_NS: u64 = 1 << 36;

/// Two CPUs may read the clock a little out of order (kernel/time/timekeeping.c, `ktime_get_mono_fast_ns`); a stamp that
/// lies further in the future is not believed.
pub const SKEW_NS: u64 = 1_000_000;

/// Bit of the key that frames are sealed with which leave before the observation begins or after it has ended.
pub const OUTSIDE_KEY: u64 = 1 << 63;

/// What a frame carries to its other end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// CLOCK_MONOTONIC of departure, nanoseconds, cut to [`TIME_BITS`] bits.
    pub time: u64,
    /// Whether this frame was chosen for sampling, so that both ends choose the same.
    pub sampled: bool,
    /// Bytes of header that each segment of a GSO buffer repeats: even, at most 254.
    pub header: u32,
    /// The CPU it left on.
    pub cpu: u32,
}

/// A believed stamp: what it said, and how long ago.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrival {
    pub stamp: Stamp,
    /// CLOCK_MONOTONIC of departure, all bits of it.
    pub departed_ns: u64,
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
pub fn believes_zero(key: u64, cpus: u32) -> bool {
    seal(0, key) < u64::from(cpus)
}

impl Stamp {
    #[inline(always)]
    pub fn new(now: u64, sampled: bool, header: u32, cpu: u32) -> Self {
        let header = if header > HEADER_MAX { HEADER_MAX } else { header };
        Self { time: now & TIME_MASK, sampled, header, cpu }
    }

    /// The two words of the control block, low one first.
    ///
    /// The CPU is added into the seal: it takes no bits of its own, and who opens it finds it as the difference, at the
    /// price of a weaker seal on a machine with many CPUs.
    #[inline(always)]
    pub fn sealed(self, key: u64) -> [u32; 2] {
        let sampled = if self.sampled { SAMPLED } else { 0 };
        let body = self.time | sampled | u64::from(self.header / HEADER_UNIT) << HEADER_SHIFT;
        let word = body | (seal(body, key) ^ u64::from(self.cpu)) << BODY_BITS;
        [word as u32, (word >> 32) as u32]
    }

    /// What the words say, if they were sealed with `key` on a machine with this many CPUs, whenever that was.
    #[inline(always)]
    pub fn unsealed(words: [u32; 2], key: u64, cpus: u32) -> Option<Self> {
        let word = u64::from(words[0]) | u64::from(words[1]) << 32;
        let body = word & BODY_MASK;
        let cpu = (word >> BODY_BITS) ^ seal(body, key);
        if cpu >= u64::from(cpus) {
            return None;
        }
        Some(Self {
            time: body & TIME_MASK,
            sampled: body & SAMPLED != 0,
            header: (body >> HEADER_SHIFT) as u32 * HEADER_UNIT,
            cpu: cpu as u32,
        })
    }

    /// What an unsealed stamp means now, if it speaks of a plausible time.
    #[inline(always)]
    pub fn arrived(self, now: u64) -> Option<Arrival> {
        let age = now.wrapping_sub(self.time) & TIME_MASK;
        if age <= HORIZON_NS {
            return Some(Arrival { stamp: self, departed_ns: now - age, delay_ns: age, clamped: false });
        }
        let ahead = TIME_MASK + 1 - age;
        if ahead <= SKEW_NS {
            Some(Arrival { stamp: self, departed_ns: now + ahead, delay_ns: 0, clamped: true })
        } else {
            None
        }
    }

    #[inline(always)]
    pub fn opened(words: [u32; 2], key: u64, cpus: u32, now: u64) -> Option<Arrival> {
        Self::unsealed(words, key, cpus)?.arrived(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: u64 = 0x1234_5678_9abc_def0;
    const NOW: u64 = 987_654_321_987_654;

    const CPUS: u32 = 8;

    fn opened(words: [u32; 2], now: u64) -> Option<Arrival> {
        Stamp::opened(words, KEY, CPUS, now)
    }

    #[test]
    fn what_was_sealed_is_read_back() {
        for (sampled, header, cpu) in [(false, 0, 0), (true, 66, 1), (true, 254, 7)] {
            let words = Stamp::new(NOW, sampled, header, cpu).sealed(KEY);
            let arrival = opened(words, NOW + 1500).unwrap();
            assert_eq!((arrival.delay_ns, arrival.departed_ns), (1500, NOW));
            let stamp = arrival.stamp;
            assert_eq!((stamp.sampled, stamp.header, stamp.cpu), (sampled, header, cpu));
            assert!(!arrival.clamped);
        }
    }

    #[test]
    fn time_may_wrap_between_the_ends() {
        let left = (5 << TIME_BITS) - 10;
        let words = Stamp::new(left, false, 0, 0).sealed(KEY);
        let arrival = opened(words, left + 30).unwrap();
        assert_eq!((arrival.delay_ns, arrival.departed_ns), (30, left));
    }

    #[test]
    fn a_clock_that_stepped_back_a_little_is_clamped_and_a_lot_is_not_believed() {
        let words = Stamp::new(NOW, false, 0, 0).sealed(KEY);
        let arrival = opened(words, NOW - 5).unwrap();
        assert!(arrival.clamped && arrival.delay_ns == 0 && arrival.departed_ns == NOW);
        assert_eq!(opened(words, NOW - 2 * SKEW_NS), None);
        assert_eq!(opened(words, NOW + 2 * HORIZON_NS), None);
    }

    #[test]
    fn another_key_another_bit_or_nothing_at_all_is_not_ours() {
        let words = Stamp::new(NOW, true, 66, 3).sealed(KEY);
        assert_eq!(Stamp::opened(words, KEY ^ 1, CPUS, NOW), None);
        // The three lowest bits of the seal tell the CPU.
        for bit in (0..64).filter(|bit| !(48..51).contains(bit)) {
            let changed = if bit < 32 {
                [words[0] ^ 1 << bit, words[1]]
            } else {
                [words[0], words[1] ^ 1 << (bit - 32)]
            };
            assert_eq!(opened(changed, NOW), None, "bit {bit}");
        }
        assert!(!believes_zero(KEY, CPUS));
        assert_eq!(opened([0, 0], NOW), None);
    }

    #[test]
    fn rubbish_passes_at_the_rate_of_the_seal_at_most() {
        let (mut passed, mut x) = (0, 1_u64);
        for _ in 0..2_000_000 {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            passed += u32::from(opened([(x >> 11) as u32, (x >> 32) as u32], NOW).is_some());
        }
        // 2 000 000 × 8 CPUs / 65 536 seals, a sixteenth of them at a plausible time: 15.
        assert!(passed < 40, "{passed}");
    }
}
