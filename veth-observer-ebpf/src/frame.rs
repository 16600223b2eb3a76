//! Fields of `struct __sk_buff` that aya has no accessor for. The only raw context access.
//!
//! Volatile, because the verifier allows context access only at constant offsets and in the field's own width, and the
//! compiler would otherwise merge or split it.

use aya_ebpf::{
    helpers::generated::{bpf_skb_load_bytes, bpf_xdp_load_bytes},
    programs::{TcContext, XdpContext},
};
use veth_observer_common::gso::Gso;

macro_rules! field {
    ($ctx:expr, $($field:tt)+) => {
        // SAFETY: the kernel passes a valid context, and the verifier checks every access to it.
        unsafe { core::ptr::read_volatile(&raw const (*$ctx.skb.skb).$($field)+) }
    };
}

#[inline(always)]
pub fn len(ctx: &TcContext) -> u32 {
    field!(ctx, len)
}

/// Bytes on the wire, headers of further GSO segments included; at ingress the same as [`len`].
#[inline(always)]
pub fn wire_len(ctx: &TcContext) -> u32 {
    field!(ctx, wire_len)
}

#[inline(always)]
pub fn gso(ctx: &TcContext) -> Gso {
    Gso { segs: field!(ctx, gso_segs), size: field!(ctx, gso_size) }
}

/// EtherType (host order) and control information of a VLAN tag that the kernel took out of the frame.
#[inline(always)]
pub fn vlan(ctx: &TcContext) -> Option<(u16, u16)> {
    if field!(ctx, vlan_present) == 0 {
        return None;
    }
    let (proto, tci) = (field!(ctx, vlan_proto), field!(ctx, vlan_tci));
    Some((u16::from_be(proto as u16), tci as u16))
}

/// Bytes that such a tag adds to each frame on the wire.
#[inline(always)]
pub fn vlan_len(ctx: &TcContext) -> u32 {
    if field!(ctx, vlan_present) == 0 { 0 } else { 4 }
}

/// Whether it is a copy of what this very end sends to a group that its own machine is in (`dev_loopback_xmit`): it never
/// was on the pair, and has no Ethernet header.
#[inline(always)]
pub fn is_looped_back(ctx: &TcContext) -> bool {
    // include/uapi/linux/if_packet.h
    const PACKET_LOOPBACK: u32 = 5;
    field!(ctx, pkt_type) == PACKET_LOOPBACK
}

/// EtherType as the kernel parsed it, host order.
#[inline(always)]
pub fn protocol(ctx: &TcContext) -> u16 {
    u16::from_be(field!(ctx, protocol) as u16)
}

/// Whether a VLAN tag stands in the bytes; `None` when there is no whole Ethernet header.
#[inline(always)]
pub fn is_tagged(ctx: &TcContext) -> Option<bool> {
    let ethertype = u16::from_be(ctx.load(12).ok()?);
    Some(matches!(ethertype, 0x8100 | 0x88a8))
}

/// The same of a frame at XDP.
#[inline(always)]
pub fn is_tagged_at_xdp(ctx: &XdpContext) -> Option<bool> {
    let mut ethertype = [0_u8; 2];
    // SAFETY: two bytes, for two bytes.
    if unsafe { !ctx.load(12, ethertype.as_mut_ptr(), 2) } {
        return None;
    }
    Some(matches!(u16::from_be_bytes(ethertype), 0x8100 | 0x88a8))
}

/// A frame that can be copied from.
pub trait Bytes {
    /// Copies `len` bytes from `at` on; false when the frame has not got them.
    ///
    /// # Safety
    ///
    /// There are `len` bytes to write to, at least one, and the verifier can tell.
    unsafe fn load(&self, at: u32, into: *mut u8, len: u32) -> bool;
}

impl Bytes for TcContext {
    #[inline(always)]
    unsafe fn load(&self, at: u32, into: *mut u8, len: u32) -> bool {
        // SAFETY: as the caller promised; the helper checks against the frame.
        unsafe { bpf_skb_load_bytes(self.skb.skb.cast(), at, into.cast(), len) == 0 }
    }
}

impl Bytes for XdpContext {
    #[inline(always)]
    unsafe fn load(&self, at: u32, into: *mut u8, len: u32) -> bool {
        // SAFETY: as the caller promised; the helper checks against the frame, all its pieces included.
        unsafe { bpf_xdp_load_bytes(self.ctx, at, into.cast(), len) == 0 }
    }
}

/// Whether the driver of the receiving end polled (NAPI) for the frame. With XDP or GRO there it is mostly another buffer
/// then, whose address one that was sent may have had before.
#[inline(always)]
pub fn was_polled(ctx: &TcContext) -> bool {
    field!(ctx, napi_id) != 0
}

/// The two words of the control block that belong to `lane`.
#[inline(always)]
pub fn words(ctx: &TcContext, lane: u32) -> [u32; 2] {
    if lane == 0 {
        let words = [field!(ctx, cb[3]), field!(ctx, cb[4])];
        keep_branches_apart();
        words
    } else {
        [field!(ctx, cb[1]), field!(ctx, cb[2])]
    }
}

#[inline(always)]
pub fn set_words(ctx: &TcContext, lane: u32, [low, high]: [u32; 2]) {
    let skb = ctx.skb.skb;
    // SAFETY: as for reading.
    unsafe {
        if lane == 0 {
            core::ptr::write_volatile(&raw mut (*skb).cb[3], low);
            core::ptr::write_volatile(&raw mut (*skb).cb[4], high);
            keep_branches_apart();
        } else {
            core::ptr::write_volatile(&raw mut (*skb).cb[1], low);
            core::ptr::write_volatile(&raw mut (*skb).cb[2], high);
        }
    }
}

/// Without it LLVM folds the branches into one access at a computed offset, which the verifier refuses for the context.
/// It costs no instruction, and neither does the branch: the lane is a constant to the verifier.
#[inline(always)]
fn keep_branches_apart() {
    core::sync::atomic::compiler_fence(core::sync::atomic::Ordering::SeqCst);
}
