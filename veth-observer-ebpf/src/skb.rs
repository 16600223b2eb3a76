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

/// A frame that lies in a buffer.
pub struct Frame {
    /// From the Ethernet header on, without a VLAN tag that stands beside the frame.
    pub len: u32,
    /// Where that header is, and how many bytes from there on lie in one piece; none where it is not known.
    pub at: *const u8,
    pub in_one_piece: u32,
    /// EtherType (host order) and control information of such a tag, or zeros.
    pub vlan: (u16, u16),
}

/// The frame in a buffer, however far the kernel had come with it.
#[inline(always)]
pub fn frame(skb: *const u8) -> Frame {
    /// `skb_mac_header_was_set`
    const UNSET: u32 = 0xffff;
    let head: *const u8 = read(skb, VO_SKB_HEAD.load());
    let data: *const u8 = read(skb, VO_SKB_DATA.load());
    let tail: u32 = read(skb, VO_SKB_TAIL.load());
    let len: u32 = read(skb, VO_SKB_LEN.load());
    let mac = u32::from(read::<u16>(skb, VO_SKB_MAC.load()));
    let at = head.wrapping_add(mac as usize);
    let vlan = vlan(skb);
    // What the kernel took off the front, as it does with headers that it is done with.
    let pulled = (data as u64).wrapping_sub(at as u64);
    if mac == UNSET || mac >= tail || pulled > u64::from(tail) {
        return Frame { len, at, in_one_piece: 0, vlan };
    }
    Frame { len: len.wrapping_add(pulled as u32), at, in_one_piece: tail - mac, vlan }
}

#[inline(always)]
fn vlan(skb: *const u8) -> (u16, u16) {
    let present = VO_VLAN_PRESENT.load();
    if present != 0 && read::<u8>(skb, present) & 1 == 0 {
        return (0, 0);
    }
    (u16::from_be(read(skb, VO_SKB_VLAN_PROTO.load())), read(skb, VO_SKB_VLAN_TCI.load()))
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
