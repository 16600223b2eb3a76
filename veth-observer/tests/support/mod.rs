//! What the tests share.

pub(crate) mod bpf;
pub(crate) mod command;
pub(crate) mod netns;
pub(crate) mod programs;
