//! A filter of the frames that are sampled, from what libpcap compiled to instructions inside our programs.
//!
//! * [`classic`]: the words of a classic BPF program.
//! * [`extended`]: the instructions of eBPF that it takes, as bytes.
//! * [`translate`]: from one to the other. Pure.
//! * [`graft`]: into a copy of the object, in the room that its function for this leaves.

mod classic;
mod extended;
mod graft;
mod translate;

pub(super) use graft::{Aligned, graft};
