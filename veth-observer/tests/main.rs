//! One binary, one module per tier: see docs/testing.md.

mod manage;
mod support;
