//! Reports, pairs and samples as text and JSON. Pure: no clock, no socket, no kernel type.
//!
//! * [`report`]: what a pair delivered, as tables.
//! * [`latency`]: how long it took, with percentiles, histograms and thresholds.
//! * [`replay`]: a capture file that is sent again.
//! * [`object`], [`line`], [`fields`]: one frame as JSON, in one line, and what was picked of it.
//! * [`dropped`]: one that was dropped, without its bytes.
//! * [`decode`]: one frame layer by layer.
//! * [`pcapng`]: frames as a capture file holds them.
//! * [`extcap`]: pairs as Wireshark lists them.
//! * [`metrics`]: a snapshot of many pairs as Prometheus reads it.
//! * `otlp`: the same as OpenTelemetry takes it.
//! * [`columns`], [`pairs`], [`show`]: which pairs there are, and one end whole.
//! * [`top`]: all pairs on one screen.
//! * [`units`], [`escape`]: how numbers and names are written everywhere.

pub mod columns;
pub mod decode;
pub mod dropped;
pub mod escape;
pub mod extcap;
pub mod fields;
mod histogram;
pub mod latency;
pub mod line;
pub mod metrics;
pub mod object;
#[cfg(feature = "otlp")]
pub mod otlp;
pub mod pairs;
pub mod pcapng;
pub mod replay;
pub mod report;
pub mod show;
mod table;
pub mod top;
pub mod units;

/// What a terminal can show.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// µ and its kin; else plain ASCII.
    pub unicode: bool,
}
