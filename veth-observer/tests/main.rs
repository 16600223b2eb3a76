//! One binary, one module per tier: see docs/testing.md.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "clippy lets tests panic, but not the functions they share"
)]

mod agent;
mod attach;
mod capture;
mod config;
mod drops;
mod edges;
mod fates;
mod faults;
mod filters;
mod fleet;
mod frames;
mod kernel;
mod latency;
mod loss;
mod manage;
mod matching;
mod object;
mod observing;
mod owners;
mod packaging;
mod programs;
mod properties;
mod remote;
mod rubbish;
mod support;
mod truth;
mod wire;
mod xdp;
