//! What becomes of pairs.

use serde::Serialize;

use super::link::Pair;

/// One thing that became of a pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    pub event: Event,
    /// The pair after the change; before it, for a pair that went.
    pub pair: Pair,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It was there when the watch began.
    Present,
    Added,
    Changed,
    Removed,
}

impl Event {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}
