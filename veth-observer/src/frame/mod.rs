//! Frames without a wire: bytes from a description, and a description from bytes. Pure.
//!
//! * [`craft`]: exact bytes, with right lengths and checksums, from a [`craft::FrameSpec`].
//! * [`describe`]: what a whole or a cut frame says about itself; never fails.
//! * [`hex`], [`names`]: the notations both use.

pub mod craft;
pub mod describe;
pub mod hex;
pub mod names;

#[cfg(test)]
pub(crate) mod specimen;
