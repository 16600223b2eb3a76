//! Reports, pairs and samples as text and JSON. Pure: no clock, no socket, no kernel type.

pub mod pairs;
pub mod show;
