//! What the programs count, per direction and per CPU.

use crate::buckets;

/// Departures are also counted by the epoch of their sending, so that loss can be told from flight.
/// See [`epoch`].
pub const EPOCHS: usize = 16;

/// Number of the epoch in which a frame with this send time left, modulo [`EPOCHS`].
///
/// An epoch lasts `2^shift` nanoseconds of CLOCK_MONOTONIC. `time` may be cut to [`crate::stamp::TIME_BITS`] bits as
/// long as `shift` is at most `TIME_BITS - 4`.
#[inline(always)]
pub const fn epoch(time: u64, shift: u32) -> usize {
    (time >> shift) as usize & (EPOCHS - 1)
}

/// Written by the egress program of the sending end.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    pub skbs: u64,
    pub frames: u64,
    /// Bytes on the wire: headers of every GSO segment and the VLAN tag included, no FCS.
    pub bytes: u64,
    /// Buffers that had to be remembered by their address, and for which there was no room.
    pub forgotten: u64,
    /// Buffers that the filter of the samples did not match.
    pub filtered: u64,
    /// Frames by epoch of sending.
    pub epochs: [u64; EPOCHS],
}

/// Written by the ingress program of the receiving end. Only `unmatched` and `by_digest` count frames that carried no
/// stamp of ours.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    pub skbs: u64,
    pub frames: u64,
    pub bytes: u64,
    /// What arrived without a stamp of this observation. Without the stamp the headers that GSO repeats are unknown, and
    /// not in the bytes.
    pub unmatched: u64,
    pub unmatched_skbs: u64,
    pub unmatched_bytes: u64,
    /// Frames that arrived at XDP in the driver before the first that is known to have left under observation, in no other
    /// count: they left before, or nothing survives the way by which to know any.
    pub early: u64,
    pub early_bytes: u64,
    /// Buffers whose stamp was known by their address alone.
    pub by_address: u64,
    /// Unmatched frames whose departure was known by their digest; their delays are in `delays`.
    pub by_digest: u64,
    /// Frames whose arrival read earlier than their departure, and were counted with a delay of 0.
    pub clamped: u64,
    /// Sum over frames, in nanoseconds.
    pub delay_sum_ns: u64,
    /// Valid once [`Received::timed`] is not 0.
    pub delay_min_ns: u64,
    pub delay_max_ns: u64,
    /// Frames that left earlier than one that had arrived before them; see [`crate::order`].
    pub reordered: u64,
    /// Frames that had arrived before, and are counted nowhere else.
    pub duplicated: u64,
    /// Samples written to the ring, in skbs.
    pub sampled: u64,
    /// Samples not taken by the rate, in skbs; of those with a stamp, also what the filter did not match where they left.
    pub skipped: u64,
    /// Without a known stamp and not matched by the filter, in skbs.
    pub filtered: u64,
    /// Samples that the ring had no room for, in skbs.
    pub sample_lost: u64,
    /// Frames by epoch of sending.
    pub epochs: [u64; EPOCHS],
    /// Frames by one-way delay; bounds in [`buckets`].
    pub delays: [u64; buckets::COUNT],
    pub variation: Variation,
}

/// By how much the delays of one departure and the next from the same CPU differ.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variation {
    pub sum_ns: u64,
    /// Complement of the least, so that the zeros of a fresh map say nothing.
    pub min_complement_ns: u64,
    pub max_ns: u64,
    /// Pairs of departures by the absolute difference of their delays.
    pub buckets: [u64; buckets::COUNT],
}

impl Sent {
    pub const ZERO: Self =
        Self { skbs: 0, frames: 0, bytes: 0, forgotten: 0, filtered: 0, epochs: [0; EPOCHS] };

    /// Adds what another CPU counted.
    pub fn merge(&mut self, other: &Self) {
        self.skbs += other.skbs;
        self.frames += other.frames;
        self.bytes += other.bytes;
        self.forgotten += other.forgotten;
        self.filtered += other.filtered;
        add_each(&mut self.epochs, &other.epochs);
    }
}

impl Received {
    pub const ZERO: Self = Self {
        skbs: 0,
        frames: 0,
        bytes: 0,
        unmatched: 0,
        unmatched_skbs: 0,
        unmatched_bytes: 0,
        early: 0,
        early_bytes: 0,
        by_address: 0,
        by_digest: 0,
        clamped: 0,
        delay_sum_ns: 0,
        delay_min_ns: 0,
        delay_max_ns: 0,
        reordered: 0,
        duplicated: 0,
        sampled: 0,
        skipped: 0,
        filtered: 0,
        sample_lost: 0,
        epochs: [0; EPOCHS],
        delays: [0; buckets::COUNT],
        variation: Variation::ZERO,
    };

    /// Frames whose departure is known.
    #[inline(always)]
    pub fn timed(&self) -> u64 {
        self.frames + self.by_digest
    }

    /// Adds what another CPU counted.
    pub fn merge(&mut self, other: &Self) {
        if other.timed() > 0 {
            let first = self.timed() == 0;
            self.delay_min_ns =
                if first { other.delay_min_ns } else { self.delay_min_ns.min(other.delay_min_ns) };
            self.delay_max_ns = self.delay_max_ns.max(other.delay_max_ns);
        }
        self.skbs += other.skbs;
        self.frames += other.frames;
        self.bytes += other.bytes;
        self.unmatched += other.unmatched;
        self.unmatched_skbs += other.unmatched_skbs;
        self.unmatched_bytes += other.unmatched_bytes;
        self.early += other.early;
        self.early_bytes += other.early_bytes;
        self.by_address += other.by_address;
        self.by_digest += other.by_digest;
        self.clamped += other.clamped;
        self.delay_sum_ns += other.delay_sum_ns;
        self.reordered += other.reordered;
        self.duplicated += other.duplicated;
        self.sampled += other.sampled;
        self.skipped += other.skipped;
        self.filtered += other.filtered;
        self.sample_lost += other.sample_lost;
        add_each(&mut self.epochs, &other.epochs);
        add_each(&mut self.delays, &other.delays);
        self.variation.merge(&other.variation);
    }
}

impl Variation {
    pub const ZERO: Self = Self { sum_ns: 0, min_complement_ns: 0, max_ns: 0, buckets: [0; buckets::COUNT] };

    pub(crate) fn merge(&mut self, other: &Self) {
        self.sum_ns += other.sum_ns;
        self.min_complement_ns = self.min_complement_ns.max(other.min_complement_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
        add_each(&mut self.buckets, &other.buckets);
    }
}

fn add_each(into: &mut [u64], from: &[u64]) {
    for (into, from) in into.iter_mut().zip(from) {
        *into += from;
    }
}

const _: () = assert!(size_of::<Sent>() == 8 * (5 + EPOCHS));
const _: () = assert!(size_of::<Received>() == 8 * (23 + EPOCHS + 2 * buckets::COUNT));

// SAFETY: both are repr(C), made of u64 only, and so have neither padding nor invalid bit patterns.
#[cfg(feature = "user")]
mod user {
    unsafe impl aya::Pod for super::Sent {}
    // SAFETY: as above.
    unsafe impl aya::Pod for super::Received {}
}
