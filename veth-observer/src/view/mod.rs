//! Reports, pairs and samples as text and JSON. Pure: no clock, no socket, no kernel type.
//!
//! * [`report`]: what a pair delivered, as tables.
//! * [`latency`]: how long it took, with percentiles, histograms and thresholds.
//! * [`line`]: one arrived frame in one line.
//! * [`decode`]: one frame layer by layer.
//! * [`metrics`]: a snapshot of many pairs as Prometheus reads it.
//! * [`pairs`], [`show`]: which pairs there are, and one end whole.
//! * [`units`], [`escape`]: how numbers and names are written everywhere.

pub mod decode;
pub mod escape;
mod histogram;
pub mod latency;
pub mod line;
pub mod metrics;
pub mod pairs;
pub mod report;
pub mod show;
mod table;
pub mod units;

/// What a terminal can show.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// µ and its kin; else plain ASCII.
    pub unicode: bool,
}
