//! What the tests share.

pub(crate) mod bpf;
pub(crate) mod bursts;
pub(crate) mod captures;
pub(crate) mod command;
pub(crate) mod engine;
pub(crate) mod netns;
pub(crate) mod pcap;
pub(crate) mod programs;
pub(crate) mod prometheus;
pub(crate) mod seccomp;
pub(crate) mod terminal;
pub(crate) mod traffic;
pub(crate) mod wire;
pub(crate) mod witness;
