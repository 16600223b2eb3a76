//! How a frame that lost its stamp is recognised.

/// Nothing but the stamp.
pub const STAMP: u32 = 0;
/// The stamp, kept aside by the address of the `sk_buff`.
pub const ADDRESS: u32 = 1;
/// The time of departure, kept aside by a digest of the frame's bytes.
pub const DIGEST: u32 = 2;

/// Buffers under way that can be known by their address, both directions together.
pub const ADDRESSES: u32 = 8192;
/// Departures that are remembered by their digest, each direction; a power of two.
pub const DIGESTS: u32 = 4096;
/// The same where nothing else recognises a frame: a full ring of 256 then overwrites one departure in 256.
pub const DIGESTS_ONLY: u32 = 1 << 16;
