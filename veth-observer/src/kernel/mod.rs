//! Our programs and maps in the kernel: the embedded object, loading it, and typed handles on what it holds.

mod block;
mod bpffs;
pub mod btf;
mod costs;
mod drops;
pub mod features;
mod filter;
mod load;
mod loaded;
mod loader;
pub mod log;
mod maps;
pub mod object;
mod probing;
mod seat;
mod settings;
mod signals;
mod stages;
pub mod symbols;

pub use self::object::VERSION;
pub use block::Block;
pub use costs::{Runs, are_counted as are_runs_counted};
pub use drops::{Drops, EndId, Telling, reason_names};
pub use load::load;
pub use loaded::Loaded;
pub use maps::Maps;
pub use probing::Probing;
pub use settings::{Hook, Sampling, Settings};
