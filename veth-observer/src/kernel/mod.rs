//! Our programs and maps in the kernel: the embedded object, loading it, and typed handles on what it holds.

pub mod btf;
pub mod features;
mod load;
pub mod log;
pub mod object;

pub use self::object::VERSION;
pub use load::{Loaded, Sampling, Settings, load};
