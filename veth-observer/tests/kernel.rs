//! What we read of the running kernel, against others who read it.

mod symbols;
mod types;
