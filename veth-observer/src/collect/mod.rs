//! Reading the kernel's maps and ring back.

pub mod clock;
mod counters;
mod decode;
mod drops;
mod samples;

pub use counters::read;
pub use drops::Deaths;
pub use samples::Samples;
