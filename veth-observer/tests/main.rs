//! One binary, one module per tier: see docs/testing.md.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "clippy lets tests panic, but not the functions they share"
)]

mod agent;
mod attach;
mod faults;
mod frames;
mod kernel;
mod latency;
mod loss;
mod manage;
mod matching;
mod object;
mod observing;
mod packaging;
mod programs;
mod properties;
mod rubbish;
mod support;
mod truth;
mod wire;
mod xdp;
