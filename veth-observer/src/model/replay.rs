//! What a capture file holds, and what became of it on a pair.

use serde::Serialize;

use super::report::{Distribution, Dropped};

/// What of a file can be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// Records of frames in the file.
    pub records: u64,
    /// Of these, what can be sent, and its bytes.
    pub frames: u64,
    pub bytes: u64,
    pub skipped: Skipped,
    /// The longest frame that can be sent, in bytes.
    #[serde(skip)]
    pub longest: usize,
    /// From the first to the last frame that can be sent, as recorded.
    pub recorded_ns: u64,
}

/// Records that cannot be sent, each counted under the first reason that holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// No Ethernet frames.
    pub not_ethernet: u64,
    /// Whoever captured kept but the first bytes.
    pub cut: u64,
    /// Shorter than an Ethernet header.
    pub short: u64,
    /// Longer than the sending end takes: buffers that were captured before they were cut into frames, say.
    pub long: u64,
}

impl Skipped {
    pub fn all(self) -> u64 {
        self.not_ethernet + self.cut + self.short + self.long
    }
}

/// What became of the frames on the way out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// Frames the device took, and their bytes.
    pub sent: u64,
    pub bytes: u64,
    /// Frames the device or its queueing discipline dropped at once (ENOBUFS).
    pub refused: u64,
    pub elapsed_ns: u64,
}

/// How the frames of a replay are told from other traffic at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// Nothing else left that way meanwhile, so what the programs counted is the replay.
    ByCount,
    /// By all their bytes.
    ByBytes,
}

/// What became of the frames at the other end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    pub told: Told,
    pub arrived: u64,
    /// Of those sent or refused.
    pub missing: u64,
    /// Where the programs saw frames of this direction die; of the replay alone where it is told by count.
    pub dropped: Vec<Dropped>,
    /// Frames of others that left that way meanwhile.
    pub others: u64,
    /// Arrivals that the ring of samples had no room for; of the missing, as many may have arrived.
    pub unseen: u64,
    /// One-way delay of the frames that arrived, of the replay alone.
    pub delay: Distribution,
}

impl Verification {
    /// Whether every frame is known to have arrived.
    pub fn is_complete(&self) -> bool {
        self.missing == 0
    }
}
