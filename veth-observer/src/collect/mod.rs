//! Reading the kernel's maps and ring back.

mod beside;
pub mod clock;
mod counters;
mod decode;
mod driver;
mod drops;
mod samples;
mod telling;

pub use beside::{read_probes, read_stages};
pub use counters::read;
pub use decode::decode;
pub use driver::driver_counts;
pub use drops::Deaths;
pub use samples::Samples;
