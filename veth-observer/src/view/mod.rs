//! Reports, pairs and samples as text and JSON. Pure.
//!
//! * [`line`]: one arrived frame in one line.
//! * [`decode`]: one frame layer by layer.
//! * [`units`], [`escape`]: how numbers and names are written everywhere.

pub mod decode;
pub mod escape;
pub mod line;
pub mod units;
