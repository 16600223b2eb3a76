//! Draining the ring buffer.

use aya::maps::{MapData, RingBuf};

use super::{clock, decode::decode};
use crate::model::sample::Record;

/// Records since the last look, oldest first.
pub struct Samples {
    ring: RingBuf<MapData>,
}

/// What a look took out of the ring.
pub struct Drained {
    pub records: Vec<Record>,
    /// All that was written before this time (CLOCK_MONOTONIC, nanoseconds) has been taken; none when there is more.
    pub until_ns: Option<u64>,
}

impl Samples {
    pub fn new(ring: RingBuf<MapData>) -> Self {
        Self { ring }
    }

    /// Takes up to `most` records out of the ring.
    pub fn take(&mut self, most: usize) -> Drained {
        let now = clock::monotonic_ns();
        let mut records = Vec::new();
        while records.len() < most {
            let Some(record) = self.ring.next() else {
                return Drained { records, until_ns: Some(now) };
            };
            records.extend(decode(&record));
        }
        Drained { records, until_ns: None }
    }
}
