//! How a frame that lost its stamp is recognised, and whether it belongs to the observation at all: what the observer writes
//! for each direction, at any time.

/// The bits that say how, one of the three below.
pub const METHOD: u32 = 0xff;
/// The observation has not begun: frames leave with a stamp that says so, and are counted apart, to see whether it survives.
pub const BEFORE: u32 = 1 << 8;
/// It has ended: frames leave with that stamp too, so that what is still under way can be told from what left later.
pub const AFTER: u32 = 1 << 9;

/// Nothing but the stamp.
pub const STAMP: u32 = 0;
/// The stamp, kept aside by the address of the `sk_buff`.
pub const ADDRESS: u32 = 1;
/// The time of departure, kept aside by a digest of the frame's bytes.
pub const DIGEST: u32 = 2;

/// Buffers under way that can be known by their address, all directions together.
pub const ADDRESSES: u32 = 8192;
/// Departures that are remembered by their digest, each direction; a power of two.
pub const DIGESTS: u32 = 4096;
/// The same for each direction of a block of pairs.
pub const DIGESTS_OF_BLOCK: u32 = 1024;
/// The same where nothing else recognises a frame: a full ring of 256 then overwrites one departure in 256.
pub const DIGESTS_ONLY: u32 = 1 << 16;
