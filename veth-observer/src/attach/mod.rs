//! Tying programs to the ends of a pair, and seeing what is tied there.

pub mod programs;
