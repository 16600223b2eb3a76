//! One binary, one module per tier: see docs/testing.md.

mod attach;
mod frames;
mod manage;
mod object;
mod programs;
mod support;
mod wire;
