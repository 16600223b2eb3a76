//! Filters: what the programs in the kernel sample is what libpcap matches, on every frame.

mod assembled;
mod cost;
mod expressions;
mod frames;
mod matrix;
mod rate;
mod refusals;
mod wire;
