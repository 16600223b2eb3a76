//! One binary, one module per tier: see docs/testing.md.

#![expect(
    unreachable_pub,
    reason = "the tests are one crate, and `pub` says what a module offers the others"
)]

mod frames;
mod object;
mod programs;
mod support;
