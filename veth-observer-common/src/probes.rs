//! Probe frames: what they look like, and what the programs count of them, apart from all traffic.

use crate::{DIRECTIONS, counters::Variation};

/// EtherType for experiments that stay local (IEEE 802-2014, 9.2.3).
pub const ETHER_TYPE: u16 = 0x88b5;

/// First word of the payload, in the byte order of the host; by it runs leave each other's probes alone.
pub const MAGIC: u64 = u64::from_ne_bytes(*b"vo probe");

/// Length of an Ethernet header in bytes.
pub const HEADER: usize = 14;

/// Departures that are remembered in each direction, by sequence number: a power of two. At 100 000 a second they
/// reach back 0.6 s.
pub const REMEMBERED: u32 = 1 << 16;

/// What stands behind the Ethernet header, in the byte order of the host; zeros follow.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload {
    pub magic: u64,
    /// Secret of the run, never 0.
    pub secret: u64,
    /// From 1 on, in each direction.
    pub sequence: u64,
}

pub const PAYLOAD: usize = size_of::<Payload>();

impl Payload {
    pub fn to_bytes(self) -> [u8; PAYLOAD] {
        let mut bytes = [0; PAYLOAD];
        for (into, word) in bytes.chunks_exact_mut(8).zip([self.magic, self.secret, self.sequence]) {
            into.copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }
}

/// When a probe left.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departure {
    pub sequence: u64,
    /// CLOCK_MONOTONIC, nanoseconds.
    pub at_ns: u64,
}

/// Probes of one direction.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probes {
    pub sent: u64,
    /// First arrivals.
    pub received: u64,
    /// Of these, later than [`REMEMBERED`] further departures, and so without a delay.
    pub untimed: u64,
    pub reordered: u64,
    pub duplicated: u64,
    pub delay: Variation,
    /// Of one probe and the one that arrived in order before it.
    pub variation: Variation,
}

/// Index of the departure of a probe.
#[inline(always)]
pub const fn departure(direction: u32, sequence: u64) -> u32 {
    direction % DIRECTIONS * REMEMBERED + (sequence as u32 & (REMEMBERED - 1))
}

impl Probes {
    pub const ZERO: Self = Self {
        sent: 0,
        received: 0,
        untimed: 0,
        reordered: 0,
        duplicated: 0,
        delay: Variation::ZERO,
        variation: Variation::ZERO,
    };

    /// Adds what another CPU counted.
    pub fn merge(&mut self, other: &Self) {
        self.sent += other.sent;
        self.received += other.received;
        self.untimed += other.untimed;
        self.reordered += other.reordered;
        self.duplicated += other.duplicated;
        self.delay.merge(&other.delay);
        self.variation.merge(&other.variation);
    }
}

// SAFETY: repr(C), made of u64 only: no padding, no invalid bit pattern.
#[cfg(feature = "user")]
mod user {
    unsafe impl aya::Pod for super::Probes {}
    // SAFETY: as above.
    unsafe impl aya::Pod for super::Departure {}
}
