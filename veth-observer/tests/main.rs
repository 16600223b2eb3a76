//! One binary, one module per tier: see docs/testing.md.

mod manage;
mod object;
mod programs;
mod support;
