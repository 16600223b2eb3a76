//! Names of the load-time constants and of everything else that the loader asks the object for.
//!
//! The constants lie in a frozen read-only map, so the verifier knows their values and drops the code they turn off.

/// `u32`: index of the pair in the shared maps.
pub const PAIR: &str = "VO_PAIR";
/// `u64`: secret of this observation, see [`crate::stamp`].
pub const KEY: &str = "VO_KEY";
/// `u32`: which words of `skb->cb` the stamp rides in; see [`LANES`].
pub const LANE: &str = "VO_LANE";
/// `u32`: log2 of an epoch in nanoseconds, see [`crate::counters::epoch`].
pub const EPOCH_SHIFT: &str = "VO_EPOCH_SHIFT";
/// `u32`: sample one skb in this many; 0 samples nothing.
pub const SAMPLE: &str = "VO_SAMPLE";
/// `u32`: bytes of each sampled frame to keep, at most [`crate::sample::MAX_SNAPLEN`].
pub const SNAPLEN: &str = "VO_SNAPLEN";

/// First word of `skb->cb` that a stamp uses, by lane. Words 3 and 4 survive every qdisc that was looked at but choke,
/// and native XDP; words 1 and 2 let a second observer work on the default path. Word 0 is left to others.
pub const LANES: [usize; 2] = [3, 1];

/// Per-CPU array of [`crate::counters::Sent`].
pub const SENT: &str = "VO_SENT";
/// Per-CPU array of [`crate::counters::Received`].
pub const RECEIVED: &str = "VO_RECEIVED";
/// Ring buffer of [`crate::sample::SampleHeader`] and bytes.
pub const SAMPLES: &str = "VO_SAMPLES";

/// Programs by end (a, b): egress, ingress. At most 15 bytes, which is what the kernel keeps.
pub const PROGRAMS: [[&str; 2]; 2] = [["vo_a_egress", "vo_a_ingress"], ["vo_b_egress", "vo_b_ingress"]];

/// Every program and map of ours begins with this, in either case; leftovers are found by it.
pub const PREFIX: &str = "vo_";
