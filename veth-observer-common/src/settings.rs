//! Names of the load-time constants and of everything else that the loader asks the object for.
//!
//! The constants lie in a frozen read-only map, so the verifier knows their values and drops the code they turn off.

/// `u32`: index of the pair in the maps that a block of pairs shares.
pub const PAIR: &str = "VO_PAIR";
/// `u32`: pairs that the maps have room for, at most [`crate::PAIRS`]; 1 when the programs are those of a pair alone.
pub const PAIRS: &str = "VO_PAIRS";
/// `u64`: secret of this observation, see [`crate::stamp`].
pub const KEY: &str = "VO_KEY";
/// `u32`: which words of `skb->cb` the stamp rides in; see [`LANES`].
pub const LANE: &str = "VO_LANE";
/// `u32`: log2 of an epoch in nanoseconds, see [`crate::counters::epoch`].
pub const EPOCH_SHIFT: &str = "VO_EPOCH_SHIFT";
/// `u32`: CPUs that this kernel can have, which bounds the numbers of them.
pub const CPUS: &str = "VO_CPUS";
/// `u32`: 1 to tell order, duplicates and variation.
pub const ORDER: &str = "VO_ORDER";
/// `u32`: 1 to be able to recognise frames by other means than the stamp; which, is written to [`METHODS`] at any time.
pub const FALLBACK: &str = "VO_FALLBACK";
/// `u32`: entries of [`DIGESTS`] for each direction, a power of two.
pub const DIGEST_ENTRIES: &str = "VO_DIGEST_ENTRIES";
/// `u64`: secret of the run's probe frames; 0 when it sends none.
pub const PROBE: &str = "VO_PROBE";
/// `u32`: 1 to stamp probe frames too, so that the programs at [`STAGE_TRACEPOINTS`] know them.
pub const STAGED: &str = "VO_STAGED";
/// `u32`: 1 to sample departures and deaths too.
pub const DEPARTURES: &str = "VO_DEPARTURES";
/// `u32`: dead buffers to tell, with their first bytes, by direction and CPU in a time of [`crate::drops::TELLING_SHIFT`]; 0
/// tells none.
pub const TELL: &str = "VO_TELL";
/// `u32`: sample one skb in this many; 0 samples nothing.
pub const SAMPLE: &str = "VO_SAMPLE";
/// `u32`: bytes of each sampled frame to keep, at most [`crate::sample::MAX_SNAPLEN`].
pub const SNAPLEN: &str = "VO_SNAPLEN";
/// `u32`: 1 to sample only what the program in the room of [`crate::filter::FUNCTIONS`] matches.
pub const FILTER: &str = "VO_FILTER";

/// `u32`: 1 when one end alone carries programs: no frame is stamped, and all that arrives counts as unmatched.
pub const ONE_END: &str = "VO_ONE_END";

/// `u32`: where arrivals are counted and timed, one of [`hook`].
pub const HOOK: &str = "VO_HOOK";

/// Where frames arrive, as the programs see it.
pub mod hook {
    /// At tc ingress.
    pub const TC: u32 = 0;
    /// At XDP in the driver; the program at tc ingress only takes the stamps off.
    pub const XDP_NATIVE: u32 = 1;
    /// Timed at generic XDP, and counted right behind it at tc ingress, where the stamp can be read.
    pub const XDP_GENERIC: u32 = 2;
}

/// First word of `skb->cb` that a stamp uses, by lane. Words 3 and 4 survive every qdisc that was looked at but choke,
/// and native XDP; words 1 and 2 let a second observer work on the default path. Word 0 is left to others.
pub const LANES: [usize; 2] = [3, 1];

/// Per-CPU array of [`crate::counters::Sent`].
pub const SENT: &str = "VO_SENT";
/// Per-CPU array of [`crate::counters::Received`].
pub const RECEIVED: &str = "VO_RECEIVED";
/// Array of [`crate::order::Order`] by slot and CPU: entry `slot * cpus + cpu`.
pub const ORDERS: &str = "VO_ORDERS";
/// Array of `u32` by slot, each of [`crate::matching`]; behind the last slot, how many directions are recognised by address.
pub const METHODS: &str = "VO_METHODS";
/// Hash from the address of a buffer (`u64`) to its sealed stamp (`[u32; 2]`).
pub const ADDRESSES: &str = "VO_ADDRESSES";
/// Array of [`crate::digest::Departure`].
pub const DIGESTS: &str = "VO_DIGESTS";
/// Array of `u32` by slot: 1 once a frame that left under observation has arrived at XDP in the driver.
pub const BEGUN: &str = "VO_BEGUN";
/// Per-CPU array of `u64` by slot: when the frame at hand arrived at generic XDP, CLOCK_MONOTONIC in nanoseconds.
pub const XDP_TIMES: &str = "VO_XDP_TIMES";
/// Per-CPU hash from [`crate::drops::Place`] to [`crate::drops::Dead`].
pub const PLACES: &str = "VO_PLACES";
/// Per-CPU array of [`crate::drops::Dead`] by slot: what found no room among the places.
pub const UNPLACED: &str = "VO_UNPLACED";
/// Per-CPU array of [`crate::drops::Told`] by slot.
pub const TOLD: &str = "VO_TOLD";
/// Per-CPU array of [`crate::probes::Probes`] by slot.
pub const PROBES: &str = "VO_PROBES";
/// Array of [`crate::probes::Departure`] by [`crate::probes::departure`].
pub const PROBE_DEPARTURES: &str = "VO_PROBES_LEFT";
/// Array of [`crate::order::Order`] by direction.
pub const PROBE_ORDERS: &str = "VO_PROBE_ORDERS";
/// Per-CPU array of [`crate::stages::Stages`] by [`crate::stages::index`].
pub const STAGES: &str = "VO_STAGES";
/// Ring buffer of [`crate::sample::SampleHeader`] and bytes.
pub const SAMPLES: &str = "VO_SAMPLES";

/// The programs that see frames on their way, and the tracepoints they sit on; loaded only where asked for.
pub const STAGE_TRACEPOINTS: [(&str, &str); 2] =
    [("vo_to_device", "net_dev_start_xmit"), ("vo_to_stack", "netif_receive_skb")];

/// The program on the `kfree_skb` tracepoint, and the constants that say where this kernel keeps what.
pub const DROP: &str = "vo_drop";
/// `u32`: 1 when the tracepoint tells a reason (Linux 5.17).
pub const DROP_REASONS: &str = "VO_DROP_REASONS";
/// Hash from [`crate::drops::Device`] to [`crate::drops::End`], which tells the pair of a drop.
pub const ENDS: &str = "VO_ENDS";
/// `u32` each: offset in bytes of a member of a kernel structure, by structure and path of members.
pub const OFFSETS: [(&str, &str, &[&str]); 17] = [
    ("VO_SKB_CB", "sk_buff", &["cb"]),
    ("VO_CB_DATA", "qdisc_skb_cb", &["data"]),
    ("VO_SKB_PKT_TYPE", "sk_buff", &["__pkt_type_offset"]),
    ("VO_SKB_LEN", "sk_buff", &["len"]),
    ("VO_SKB_HEAD", "sk_buff", &["head"]),
    ("VO_SKB_DATA", "sk_buff", &["data"]),
    ("VO_SKB_TAIL", "sk_buff", &["tail"]),
    ("VO_SKB_END", "sk_buff", &["end"]),
    ("VO_SKB_MAC", "sk_buff", &["mac_header"]),
    ("VO_SKB_VLAN_PROTO", "sk_buff", &["vlan_proto"]),
    ("VO_SKB_VLAN_TCI", "sk_buff", &["vlan_tci"]),
    ("VO_SKB_DEV", "sk_buff", &["dev"]),
    ("VO_SHINFO_GSO_SIZE", "skb_shared_info", &["gso_size"]),
    ("VO_SHINFO_GSO_SEGS", "skb_shared_info", &["gso_segs"]),
    ("VO_DEV_IFINDEX", "net_device", &["ifindex"]),
    ("VO_DEV_NET", "net_device", &["nd_net", "net"]),
    ("VO_NET_COOKIE", "net", &["net_cookie"]),
];

/// The same of a byte whose lowest bit says that there is a VLAN tag. Gone with Linux 6.2, where `vlan_proto` says it; 0 then.
pub const VLAN_PRESENT: (&str, &str, &[&str]) =
    ("VO_VLAN_PRESENT", "sk_buff", &["__pkt_vlan_present_offset"]);

/// Programs by end (a, b): egress, ingress. At most 15 bytes, which is what the kernel keeps.
pub const PROGRAMS: [[&str; 2]; 2] = [["vo_a_egress", "vo_a_ingress"], ["vo_b_egress", "vo_b_ingress"]];

/// XDP programs by end: for frames that lie in one piece, and for frames in several (Linux 5.18, in the driver only).
pub const XDP_PROGRAMS: [[&str; 2]; 2] = [["vo_a_xdp", "vo_a_xdp_frags"], ["vo_b_xdp", "vo_b_xdp_frags"]];

/// Every program and map of ours begins with this, in either case; leftovers are found by it.
pub const PREFIX: &str = "vo_";
