//! Frames that died on the way.

/// Frames that died at one place for one reason, as the kernel tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// Name in `enum skb_drop_reason` of the running kernel, without its prefix; none before Linux 5.17.
    pub reason: Option<String>,
    /// The kernel function that freed the buffer; none where the kernel hides its symbols.
    pub function: Option<String>,
    /// Address inside that function.
    pub address: u64,
    /// The device that the buffer was on.
    pub device: Side,
    pub frames: u64,
}

impl Death {
    /// Of which nothing is known but that it happened.
    pub const UNPLACED: Self =
        Self { reason: None, function: None, address: 0, device: Side::Unknown, frames: 0 };
}

/// A device as seen from one direction of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Sending,
    Receiving,
    /// Another device, or not to be told: out of some queues the buffer no longer knows.
    Unknown,
}
