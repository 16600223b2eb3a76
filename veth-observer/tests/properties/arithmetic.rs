//! What both sides of the kernel boundary compute.

use proptest::prelude::*;
use veth_observer_common::{
    buckets,
    counters::{EPOCHS, epoch},
    digest,
    gso::{self, Gso, Segments},
    stamp::{HORIZON_NS, SKEW_NS, Stamp, TIME_BITS},
};

use super::{delay, number};

const CPUS: u32 = 64;

/// CLOCK_MONOTONIC of a departure, at any time of its wrapping in the stamp.
fn left() -> std::ops::Range<u64> {
    1 << (TIME_BITS + 1)..1 << 62
}

/// The head of a TCP or UDP frame without options, random but for what says so, and which of its bytes offloads change:
/// lengths, checksums and flags.
fn head() -> impl Strategy<Value = ([u8; digest::LEN], &'static [usize])> {
    (any::<[u8; digest::LEN]>(), any::<bool>(), any::<bool>()).prop_map(|(mut bytes, is_ipv4, is_tcp)| {
        let (first, at) = if is_ipv4 { ([0x08, 0x00, 0x45], 23) } else { ([0x86, 0xdd, 0x60], 20) };
        let (protocol, changing): (_, &[usize]) = match (is_ipv4, is_tcp) {
            (true, true) => (6, &[16, 17, 24, 25, 47, 50, 51]),
            (true, false) => (17, &[16, 17, 24, 25, 38, 39, 40, 41]),
            (false, true) => (6, &[18, 19, 67, 70, 71]),
            (false, false) => (17, &[18, 19, 58, 59, 60, 61]),
        };
        bytes[12..15].copy_from_slice(&first);
        bytes[at] = protocol;
        (bytes, changing)
    })
}

fn digest_of(bytes: &[u8; digest::LEN], key: u64) -> u64 {
    let mut head: digest::Head =
        std::array::from_fn(|at| u64::from_le_bytes(bytes[8 * at..8 * at + 8].try_into().unwrap()));
    digest::digest(&mut head, key)
}

proptest! {
    #[test]
    fn a_longer_delay_never_falls_into_an_earlier_bucket(a: u64, b: u64) {
        let (shorter, longer) = (a.min(b), a.max(b));
        prop_assert!(buckets::index(shorter) <= buckets::index(longer));
        prop_assert!(buckets::index(longer) < buckets::COUNT);
    }

    #[test]
    fn the_middle_of_a_bucket_is_within_its_bound_of_everything_in_it(delay in delay()) {
        let index = buckets::index(delay);
        let middle = 1e9 * ((f64::from(buckets::native(index)) - 0.5) / 8.0).exp2();
        // Rounding of a nanosecond to ticks on top.
        let bound = (1.0_f64 / 16.0).exp2() * (1.0 + 1e-6);
        let delay = number(delay);
        prop_assert!(middle / delay < bound && delay / middle < bound, "{delay} in {index}, {middle}");
    }

    #[test]
    fn a_digest_knows_every_bit_but_those_that_change_on_the_way(
        (mut bytes, changing) in head(), noise: [u8; digest::LEN], bit in 0..8 * digest::LEN, key: u64, other: u64,
    ) {
        let before = digest_of(&bytes, key);
        for &at in changing {
            bytes[at] = noise[at];
        }
        prop_assert_eq!(digest_of(&bytes, key), before);
        prop_assert!(other == key || digest_of(&bytes, other) != before);
        // Those would make it another kind of frame, of which other bytes count.
        let kinds = [12, 13, 14, 20, 23];
        if !changing.contains(&(bit / 8)) && !kinds.contains(&(bit / 8)) {
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_ne!(digest_of(&bytes, key), before);
        }
    }

    /// What TCP and UDP make of `payload`: segments of `size`, each with a header of Ethernet, IP and transport.
    #[test]
    fn a_super_frame_is_as_many_frames_and_bytes_as_its_segments(
        words in 7_u32..26, size in 536_u32..9000, payload in 1_u32..65_000, counted: bool,
    ) {
        // Ethernet makes headers 2 more than a multiple of 4.
        let header = 4 * words + 14;
        let frames = payload.div_ceil(size);
        let len = header + payload;
        let wire = len + (frames - 1) * header;
        let segs = if counted { frames } else { 0 };
        let got = gso::at_egress(len, wire, || Gso { segs, size });
        let expected = Segments { frames, header: if frames > 1 { header } else { 0 } };
        prop_assert_eq!(got, expected);
        if frames > 1 {
            prop_assert_eq!(gso::at_ingress(len, header, Gso { segs, size }), frames);
            // What ingress adds up from the length and the header in the stamp is what egress saw.
            prop_assert_eq!(len + (frames - 1) * got.header, wire);
        }
    }

    #[test]
    fn no_fields_at_all_make_it_panic_or_count_nothing(len: u32, wire: u32, segs: u32, size: u32) {
        let len = len % (1 << 24);
        let at_egress = gso::at_egress(len, wire % (1 << 25), || Gso { segs, size });
        prop_assert!(at_egress.frames >= 1);
        let at_ingress = gso::at_ingress(len.max(1), 0, Gso { segs, size });
        prop_assert!(at_ingress >= 1);
    }

    #[test]
    fn a_stamp_arrives_as_it_left(
        left in left(), delay in 0..=HORIZON_NS, key: u64, sampled: bool, half in 0_u32..128, cpu in 0..CPUS,
    ) {
        let words = Stamp::new(left, sampled, 2 * half, cpu).sealed(key);
        let arrival = Stamp::opened(words, key, CPUS, left + delay).unwrap();
        prop_assert_eq!((arrival.delay_ns, arrival.clamped), (delay, false));
        prop_assert_eq!(arrival.departed_ns, left);
        let stamp = arrival.stamp;
        prop_assert_eq!((stamp.sampled, stamp.header, stamp.cpu), (sampled, 2 * half, cpu));
    }

    #[test]
    fn a_clock_behind_is_clamped_while_that_can_be_and_never_makes_a_delay(left in left(), behind in 1..4 * SKEW_NS, key: u64) {
        let words = Stamp::new(left, false, 0, 0).sealed(key);
        match Stamp::opened(words, key, CPUS, left - behind) {
            Some(arrival) => {
                prop_assert_eq!((arrival.delay_ns, arrival.clamped), (0, true));
                prop_assert!(behind <= SKEW_NS);
            }
            None => prop_assert!(behind >= SKEW_NS),
        }
    }

    #[test]
    fn a_stamp_beyond_the_horizon_is_not_believed(
        left in left(), age in HORIZON_NS + 1..(1 << TIME_BITS) - SKEW_NS, key: u64,
    ) {
        let words = Stamp::new(left, false, 0, 0).sealed(key);
        prop_assert_eq!(Stamp::opened(words, key, CPUS, left + age), None);
    }

    #[test]
    fn a_seal_that_was_touched_is_not_believed(left in left(), key: u64, bits in CPUS..1 << 16) {
        let [low, high] = Stamp::new(left, true, 66, 0).sealed(key);
        prop_assert_eq!(Stamp::opened([low, high ^ (bits << 16)], key, CPUS, left), None);
    }

    #[test]
    fn the_epoch_is_the_same_from_the_whole_time_and_from_what_a_stamp_keeps(time: u64, shift in 20..=TIME_BITS - 4) {
        let kept = Stamp::new(time, false, 0, 0).time;
        prop_assert_eq!(epoch(time, shift), epoch(kept, shift));
        prop_assert_eq!(epoch(time.wrapping_add(1 << shift), shift), (epoch(time, shift) + 1) % EPOCHS);
    }
}
