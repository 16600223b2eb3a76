//! Frames that died between the two hooks, as the `skb:kfree_skb` tracepoint shows them.

use crate::counters::EPOCHS;

/// Places that are told apart for one pair; drops at further ones are counted without their place.
pub const PLACES: u32 = 64;
/// The same for the pairs of a block, all together.
pub const PLACES_OF_BLOCK: u32 = 512;

/// Bytes of a dead frame that are told, at most.
pub const TOLD_BYTES: u32 = 128;
/// log2 of the time for which the number of dead frames that are told is bounded, in nanoseconds: 134 ms.
pub const TELLING_SHIFT: u32 = 27;

/// A device: key of the map of ends. Written by the observer, which follows the ends as they move.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Device {
    /// SO_NETNS_COOKIE of its namespace.
    pub netns_cookie: u64,
    pub ifindex: u32,
    pub reserved: u32,
}

/// Whose end a device is.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Secret of the observation of its pair.
    pub key: u64,
    /// Index of the pair in the shared maps.
    pub pair: u32,
    /// 0 or 1. Direction 0 is sent by end 0.
    pub end: u32,
}

/// Which device a dead buffer was on.
pub mod device {
    /// Neither end, or not to be told: out of some queues the field holds something else (`sk_buff.rbnode`).
    pub const UNKNOWN: u32 = 0;
    pub const SENDING: u32 = 1;
    pub const RECEIVING: u32 = 2;
}

/// Where and why: key of the map of places.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Address of the kernel function that freed the buffer (with an offset into it).
    pub location: u64,
    /// [`crate::slot`] of the pair and direction.
    pub slot: u32,
    /// `enum skb_drop_reason` of the running kernel; 0 before Linux 5.17.
    pub reason: u32,
    /// One of [`device`].
    pub device: u32,
    pub reserved: u32,
}

/// Frames that died, by epoch of sending.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dead {
    pub epochs: [u64; EPOCHS],
}

impl Dead {
    pub const NONE: Self = Self { epochs: [0; EPOCHS] };

    pub fn frames(&self) -> u64 {
        self.epochs.iter().sum()
    }

    /// Adds what another CPU counted, or what died elsewhere.
    pub fn merge(&mut self, other: &Self) {
        for (into, from) in self.epochs.iter_mut().zip(other.epochs) {
            *into += from;
        }
    }
}

/// What one CPU told of the dead frames of a direction. A buffer stands for so many frames.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// When a buffer died last, in units of [`TELLING_SHIFT`].
    pub window: u64,
    /// Buffers since then that were told, or would have been.
    pub in_window: u64,
    /// Frames told.
    pub frames: u64,
    /// Frames left out, because there were too many in that time.
    pub held_back: u64,
    /// Frames that the ring had no room for.
    pub lost: u64,
}

impl Told {
    pub const NONE: Self = Self { window: 0, in_window: 0, frames: 0, held_back: 0, lost: 0 };

    /// Adds what another CPU told.
    pub fn merge(&mut self, other: &Self) {
        self.frames += other.frames;
        self.held_back += other.held_back;
        self.lost += other.lost;
    }
}

// SAFETY: repr(C) with explicit padding: no hole, no invalid bit pattern.
#[cfg(feature = "user")]
mod user {
    unsafe impl aya::Pod for super::Place {}
    // SAFETY: as above.
    unsafe impl aya::Pod for super::Device {}
    // SAFETY: as above.
    unsafe impl aya::Pod for super::End {}
    // SAFETY: as above.
    unsafe impl aya::Pod for super::Dead {}
    // SAFETY: as above.
    unsafe impl aya::Pod for super::Told {}
}
