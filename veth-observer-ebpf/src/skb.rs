//! What the programs on tracepoints read of a socket buffer, which is no context of theirs.

use aya_ebpf::{helpers::bpf_probe_read_kernel, macros::map, maps::HashMap};
use veth_observer_common::{
    drops::{Device, End, device},
    gso::{self, Gso},
    settings::LANES,
};

use crate::constants::{VO_LANE, drop::*};

/// Written by the observer.
#[map]
static VO_ENDS: HashMap<Device, End> = HashMap::with_max_entries(8, 0);

/// What the device of a buffer is to us.
pub enum Whereabouts {
    At(End),
    /// On a device that is no end.
    Elsewhere,
    /// Not to be told.
    Unknown,
}

/// The words of its control block that a stamp rides in.
#[inline(always)]
pub fn words(skb: *const u8) -> [u32; 2] {
    let lane = if VO_LANE.load() == 0 { LANES[0] } else { LANES[1] };
    let at = VO_SKB_CB.load() + VO_CB_DATA.load() + 4 * lane as u32;
    // SAFETY: the tracepoint's buffer is a pointer that the verifier knows the type of, and the offset is a constant to it.
    unsafe {
        let words = skb.add(at as usize).cast::<u32>();
        [words.read_volatile(), words.add(1).read_volatile()]
    }
}

/// Frames that the buffer stood for; see [`gso`].
#[inline(always)]
pub fn frames(skb: *const u8, header: u32) -> u32 {
    if header == 0 {
        return 1;
    }
    let head: *const u8 = read(skb, VO_SKB_HEAD.load());
    let end: u32 = read(skb, VO_SKB_END.load());
    let shared = head.wrapping_add(end as usize);
    let gso = Gso {
        segs: u32::from(read::<u16>(shared, VO_SHINFO_GSO_SEGS.load())),
        size: u32::from(read::<u16>(shared, VO_SHINFO_GSO_SIZE.load())),
    };
    gso::at_ingress(read(skb, VO_SKB_LEN.load()), header, gso)
}

/// Which end the buffer was on.
#[inline(always)]
pub fn whereabouts(skb: *const u8) -> Whereabouts {
    let dev: *const u8 = read(skb, VO_SKB_DEV.load());
    let ifindex: u32 = read(dev, VO_DEV_IFINDEX.load());
    let net: *const u8 = read(dev, VO_DEV_NET.load());
    let netns_cookie: u64 = read(net, VO_NET_COOKIE.load());
    if !is_device(ifindex, netns_cookie) {
        return Whereabouts::Unknown;
    }
    // SAFETY: the map lives as long as the program, and the value is copied at once.
    match unsafe { VO_ENDS.get(Device { netns_cookie, ifindex, reserved: 0 }) } {
        Some(end) => Whereabouts::At(*end),
        None => Whereabouts::Elsewhere,
    }
}

/// Which end of the one pair the buffer was on, if that can be told; none when it was on another device.
#[inline(always)]
pub fn device(skb: *const u8, direction: u32) -> Option<u32> {
    match whereabouts(skb) {
        Whereabouts::At(end) if end.end == direction => Some(device::SENDING),
        Whereabouts::At(_) => Some(device::RECEIVING),
        Whereabouts::Elsewhere => None,
        Whereabouts::Unknown => Some(device::UNKNOWN),
    }
}

/// Whether these were read from a device, and not from what some queues keep in place of one (`sk_buff.rbnode`). Cookies
/// count the namespaces since the machine came up.
#[inline(always)]
fn is_device(ifindex: u32, cookie: u64) -> bool {
    ifindex != 0 && ifindex >> 31 == 0 && cookie != 0 && cookie >> 40 == 0
}

/// A field of a kernel structure that may not be there: zero when it cannot be read.
#[inline(always)]
pub fn read<T: Default>(base: *const u8, offset: u32) -> T {
    // SAFETY: the helper refuses addresses that cannot be read.
    unsafe { bpf_probe_read_kernel(base.wrapping_add(offset as usize).cast::<T>()).unwrap_or_default() }
}
