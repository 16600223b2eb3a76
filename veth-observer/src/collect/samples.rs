//! Draining the ring buffer.

use aya::maps::{MapData, RingBuf};

use super::{clock, decode::decode};
use crate::model::sample::Sample;

/// Samples since the last look, oldest first.
pub struct Samples {
    ring: RingBuf<MapData>,
}

impl Samples {
    pub fn new(ring: RingBuf<MapData>) -> Self {
        Self { ring }
    }

    /// Takes up to `most` samples out of the ring.
    pub fn take(&mut self, most: usize) -> Vec<Sample> {
        // Asked anew each time, so that a step of the wall clock shows.
        let offset = clock::wall_offset_ns();
        let mut samples = Vec::new();
        while samples.len() < most
            && let Some(record) = self.ring.next()
        {
            samples.extend(decode(&record, offset));
        }
        samples
    }
}
