//! Our programs and maps in the kernel: the embedded object, loading it, and typed handles on what it holds.

pub mod btf;
mod drops;
pub mod features;
mod filter;
mod load;
mod loader;
pub mod log;
pub mod object;
mod probing;
mod signals;
mod stages;
pub mod symbols;

pub use self::object::VERSION;
pub use drops::{Drops, EndId, reason_names};
pub use load::{Hook, Loaded, Sampling, Settings, load};
pub use probing::Probing;
