//! Frames as the ring buffer gave them.

use serde::{Deserialize, Serialize};
use veth_observer_common::drops::Place;

use super::drop::Stage;

/// What one record of the ring tells, before the fate of each frame is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    Seen(Seen),
    Died(Died),
}

/// Frames of a departure that were seen to die.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Died {
    pub departure: Departure,
    /// CLOCK_MONOTONIC, nanoseconds.
    pub at_ns: u64,
    pub frames: u32,
    pub place: Place,
    /// 0 where departures are sampled: they have told it.
    pub len: u32,
    /// The first, as far as they were told.
    pub bytes: Vec<u8>,
}

/// A frame at one of the hooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub from: usize,
    pub point: Point,
    pub number: Option<u64>,
    /// CLOCK_MONOTONIC, nanoseconds.
    pub at_ns: u64,
    /// None when it was never seen sent.
    pub departure: Option<Departure>,
    pub len: u32,
    pub frames: u32,
    pub bytes: Vec<u8>,
}

/// What tells a departure from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    /// Index of the sending end.
    pub from: usize,
    /// CLOCK_MONOTONIC, nanoseconds.
    pub at_ns: u64,
    /// The CPU it left on; none when it is known by the frame's bytes alone.
    pub cpu: Option<u32>,
}

/// A frame seen at one end, cut to the snap length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Index of the sending end in the pair, 0 or 1.
    pub from: usize,
    pub point: Point,
    /// Number of the buffer among those that this CPU sent that way, from 1 on; none where it is not known.
    pub number: Option<u64>,
    /// When it was seen there, in nanoseconds since the Unix epoch.
    pub at_ns: u64,
    pub fate: Fate,
    /// Length before it was cut, VLAN tag included, in bytes. A GSO buffer is longer than the MTU.
    pub len: u32,
    /// Frames this buffer stands for.
    pub frames: u32,
    /// The bytes, from the destination MAC on, with any VLAN tag put back where it was on the wire.
    pub bytes: Vec<u8>,
}

/// The hook that a frame was seen at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Point {
    /// Egress of the sending end.
    Sent,
    /// Ingress of the other.
    Received,
}

/// What became of a frame between the two ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It arrived.
    Delivered { delay_ns: u64 },
    /// It was seen to die, or so many frames of its buffer were.
    Dropped { stage: Stage, reason: Option<String>, location: String, frames: u32 },
    /// So many frames of it neither arrived within the loss timeout nor were seen to die.
    Lost { frames: u32 },
    /// It arrived and was never seen sent.
    Unmatched,
    /// It was sent, and what tells the rest found no room in the ring or has not come yet.
    Unknown,
}

impl Seen {
    /// The sample that this is, once the fate of the frame is known.
    pub fn sample(self, fate: Fate) -> Sample {
        let Self { from, point, number, at_ns, departure: _, len, frames, bytes } = self;
        Sample { from, point, number, at_ns, fate, len, frames, bytes }
    }

    /// What the record of an arrival tells of its fate.
    pub fn arrival(&self) -> Fate {
        match self.departure {
            Some(departure) => Fate::Delivered { delay_ns: self.at_ns.saturating_sub(departure.at_ns) },
            None => Fate::Unmatched,
        }
    }
}

impl Sample {
    /// Index of the end that saw it.
    pub fn end(&self) -> usize {
        match self.point {
            Point::Sent => self.from,
            Point::Received => 1 - self.from,
        }
    }

    /// One-way delay in nanoseconds, of a frame that arrived and was seen sent.
    pub fn delay_ns(&self) -> Option<u64> {
        match self.fate {
            Fate::Delivered { delay_ns } => Some(delay_ns),
            _ => None,
        }
    }
}

impl Fate {
    /// Whether the frame died between the ends, seen or unseen.
    pub fn is_loss(&self) -> bool {
        matches!(self, Self::Dropped { .. } | Self::Lost { .. })
    }
}

/// What sampling did at one end, in buffers. Every buffer that passed there is in one of these.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sampled {
    /// Written to the ring.
    pub taken: u64,
    /// Not taken, by the sampling rate.
    pub skipped: u64,
    /// Not taken, because the filter did not match.
    pub filtered: u64,
    /// Lost because the ring was full.
    pub lost: u64,
}
