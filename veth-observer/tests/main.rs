//! One binary, one module per tier: see docs/testing.md.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod manage;
mod object;
mod programs;
mod support;
