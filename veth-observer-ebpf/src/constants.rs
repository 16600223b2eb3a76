//! Constants that the loader sets; their names and units are in `veth_observer_common::settings`.

use aya_ebpf::Global;

#[unsafe(no_mangle)]
pub static VO_PAIR: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub static VO_PAIRS: Global<u32> = Global::new(1);
#[unsafe(no_mangle)]
pub static VO_KEY: Global<u64> = Global::new(0);
#[unsafe(no_mangle)]
pub static VO_LANE: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub static VO_EPOCH_SHIFT: Global<u32> = Global::new(29);
#[unsafe(no_mangle)]
pub static VO_CPUS: Global<u32> = Global::new(1);
#[unsafe(no_mangle)]
pub static VO_ORDER: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub static VO_FALLBACK: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub static VO_DIGEST_ENTRIES: Global<u32> = Global::new(1);
#[unsafe(no_mangle)]
pub static VO_ONE_END: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub static VO_HOOK: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub static VO_PROBE: Global<u64> = Global::new(0);
#[unsafe(no_mangle)]
pub static VO_STAGED: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub static VO_DEPARTURES: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub static VO_TELL: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub static VO_SAMPLE: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub static VO_SNAPLEN: Global<u32> = Global::new(96);
#[unsafe(no_mangle)]
pub static VO_FILTER: Global<u32> = Global::new(0);

/// What the programs on tracepoints must know of this kernel.
pub mod drop {
    use aya_ebpf::Global;

    #[unsafe(no_mangle)]
    pub static VO_DROP_REASONS: Global<u32> = Global::new(0);

    macro_rules! offsets {
        ($($name:ident)+) => { $(
            #[unsafe(no_mangle)]
            pub static $name: Global<u32> = Global::new(0);
        )+ };
    }

    offsets! {
        VO_SKB_CB VO_CB_DATA VO_SKB_PKT_TYPE VO_SKB_LEN VO_SKB_HEAD VO_SKB_DATA VO_SKB_TAIL VO_SKB_END
        VO_SKB_MAC VO_SKB_VLAN_PROTO VO_SKB_VLAN_TCI VO_VLAN_PRESENT VO_SKB_DEV VO_SHINFO_GSO_SIZE VO_SHINFO_GSO_SEGS
        VO_DEV_IFINDEX VO_DEV_NET VO_NET_COOKIE
    }
}

/// The slot of a direction of our pair in every map.
#[inline(always)]
pub fn slot(direction: u32) -> u32 {
    veth_observer_common::slot(VO_PAIR.load(), direction)
}

/// The secret of one direction: a frame that comes back the other way must not pass for one of that way.
#[inline(always)]
pub fn key(direction: u32) -> u64 {
    VO_KEY.load() ^ u64::from(direction)
}
