//! What we read of the running kernel, against others who read it.

mod driver;
mod signals;
mod symbols;
mod types;
