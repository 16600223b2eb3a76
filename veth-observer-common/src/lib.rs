//! What crosses the boundary between the kernel programs and the observer, and the arithmetic that both sides share.
//!
//! Everything here is `repr(C)` with explicit padding, in the byte order of the host, and pure.

#![no_std]

pub mod buckets;
pub mod counters;
pub mod digest;
pub mod drops;
pub mod filter;
pub mod gso;
pub mod matching;
pub mod order;
pub mod probes;
pub mod sample;
pub mod settings;
pub mod stages;
pub mod stamp;

/// Ways through a pair: 0 is from end a to end b, 1 is from b to a.
pub const DIRECTIONS: u32 = 2;

/// Pairs in a block that shares its maps, at most.
pub const PAIRS: u32 = 64;

/// Index of a direction in [`counters::Sent`] and [`counters::Received`] maps.
#[inline(always)]
pub const fn slot(pair: u32, direction: u32) -> u32 {
    pair * DIRECTIONS + direction
}
