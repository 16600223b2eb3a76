//! Draining the ring buffer.

use anyhow::Result;
use aya::maps::{MapData, RingBuf};

use super::{clock, decode::decode};
use crate::model::sample::Record;

/// Records since the last look, oldest first.
pub struct Samples {
    ring: RingBuf<MapData>,
}

impl Samples {
    pub fn new(ring: RingBuf<MapData>) -> Self {
        Self { ring }
    }

    /// Takes up to `most` records out of the ring, one by one. All that was written before the time that it returns
    /// (CLOCK_MONOTONIC, nanoseconds) has been taken then; none when there is more.
    pub fn take(&mut self, most: usize, mut take: impl FnMut(Record) -> Result<()>) -> Result<Option<u64>> {
        let now = clock::monotonic_ns();
        for _ in 0..most {
            let Some(record) = self.ring.next() else { return Ok(Some(now)) };
            decode(&record).map_or(Ok(()), &mut take)?;
        }
        Ok(None)
    }
}
