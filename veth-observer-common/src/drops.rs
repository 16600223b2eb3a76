//! Frames that died between the two hooks, as the `skb:kfree_skb` tracepoint shows them.

use crate::counters::EPOCHS;

/// Places that are told apart; drops at further ones are counted without their place.
pub const PLACES: u32 = 256;

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

/// Dead frames of one direction.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    pub frames: u64,
    /// Of these, frames for whose place there was no room.
    pub unplaced: u64,
    /// Frames by epoch of sending.
    pub epochs: [u64; EPOCHS],
}

impl Dropped {
    pub const ZERO: Self = Self { frames: 0, unplaced: 0, epochs: [0; EPOCHS] };

    /// Adds what another CPU counted.
    pub fn merge(&mut self, other: &Self) {
        self.frames += other.frames;
        self.unplaced += other.unplaced;
        for (into, from) in self.epochs.iter_mut().zip(other.epochs) {
            *into += from;
        }
    }
}

// SAFETY: repr(C) with explicit padding: no hole, no invalid bit pattern.
#[cfg(feature = "user")]
mod user {
    unsafe impl aya::Pod for super::Place {}
    // SAFETY: as above.
    unsafe impl aya::Pod for super::Dropped {}
}
