//! What we read of the running kernel, against others who read it.

mod driver;
mod symbols;
mod types;
