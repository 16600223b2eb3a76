//! Reading the kernel's maps and ring back.

pub mod clock;
mod counters;
mod decode;
mod samples;

pub use counters::read;
pub use samples::Samples;
