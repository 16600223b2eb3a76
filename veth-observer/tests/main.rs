//! One binary, one module per tier: see docs/testing.md.

mod frames;
mod manage;
mod object;
mod programs;
mod support;
