//! One frame as the ring buffer gave it.

/// A frame seen arriving at an end, cut to the snap length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Index of the sending end in the pair, 0 or 1; the frame arrived at the other.
    pub from: usize,
    /// When it arrived, in nanoseconds since the Unix epoch.
    pub at_ns: u64,
    /// One-way delay in nanoseconds; none when the frame was never seen sent.
    pub delay_ns: Option<u64>,
    /// Length before it was cut, VLAN tag included, in bytes. A GSO buffer is longer than the MTU.
    pub len: u32,
    /// Frames this buffer stands for.
    pub frames: u32,
    /// The bytes, from the destination MAC on, with any VLAN tag put back where it was on the wire.
    pub bytes: Vec<u8>,
}

/// What the sampling itself left out, in samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sampled {
    /// Written to the ring.
    pub taken: u64,
    /// Skipped by the sampling rate.
    pub skipped: u64,
    /// Lost because the ring was full.
    pub lost: u64,
}
