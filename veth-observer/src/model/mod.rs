//! The words of the house: plain data, no I/O, no async.

pub mod change;
pub mod device;
pub mod driver;
pub mod drop;
pub mod filter;
pub mod latency;
pub mod link;
pub mod mac;
pub mod naming;
pub mod published;
pub mod quantile;
pub mod reading;
pub mod replay;
pub mod report;
pub mod sample;
pub mod snapshot;

/// Version of every JSON object we print. Raised when a field changes meaning or goes; adding one does not raise it.
pub const SCHEMA: u32 = 1;
