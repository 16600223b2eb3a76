//! Reading the kernel's maps and ring back.

pub mod clock;
mod counters;
mod decode;
mod driver;
mod drops;
mod probes;
mod samples;

pub use counters::read;
pub use driver::DriverDrops;
pub use drops::Deaths;
pub use probes::read_probes;
pub use samples::Samples;
