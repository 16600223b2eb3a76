//! Reports, pairs and samples as text and JSON. Pure: no clock, no socket, no kernel type.

pub mod pairs;
pub mod report;
mod table;
pub mod units;

/// What a terminal can show.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// µ and its kin; else plain ASCII.
    pub unicode: bool,
}
