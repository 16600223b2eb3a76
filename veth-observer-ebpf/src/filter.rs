//! Which frames a sample is taken of: those that the filter of the run matches, and of them one in so many.
//!
//! The filter itself is not in this object. `vo_filter` and its double for XDP are room that the observer writes the program
//! into (`veth-observer/src/kernel/filter`); it asks `vo_load` for the bytes of the frame.

use core::arch::asm;

use aya_ebpf::{
    bindings::{__sk_buff, xdp_md},
    helpers::generated::bpf_xdp_get_buff_len,
    programs::{TcContext, XdpContext},
};
use veth_observer_common::filter::{LENGTH, OUTSIDE};

use crate::{
    constants::VO_FILTER,
    frame::{self, Bytes},
    samples,
};

/// Where the tag stands in a frame on the wire, and where what follows it begins.
const TAG: u64 = 12;
const BEHIND_TAG: u64 = 16;

/// A frame that the filter can be asked about.
pub trait Filtered {
    fn matches(&self) -> bool;
}

impl Filtered for TcContext {
    #[inline(always)]
    fn matches(&self) -> bool {
        vo_filter(self.skb.skb) != 0
    }
}

impl Filtered for XdpContext {
    #[inline(always)]
    fn matches(&self) -> bool {
        vo_filter_xdp(self.ctx) != 0
    }
}

/// Whether to take a sample of the frame; none when the filter does not match it, which is counted here. `before` is how many
/// came by here earlier, `filtered` how many of them did not match, so that the rate is one of those that do.
#[inline(always)]
pub fn choose(ctx: &impl Filtered, before: u64, filtered: &mut u64) -> Option<bool> {
    if VO_FILTER.load() != 0 && !ctx.matches() {
        *filtered += 1;
        return None;
    }
    Some(samples::chosen(before - *filtered))
}

/// Room for a program, and something that the verifier accepts in it until then: the first jump, over all the rest, is
/// always taken, but neither LLVM nor the kernel's look at the flow of control knows.
macro_rules! room {
    ($frame:expr) => {{
        let matched: u64;
        // SAFETY: nothing but registers is touched.
        unsafe {
            asm!(
                "r0 = 1",
                "if r0 == 1 goto +4000",
                ".rept 4000",
                "goto +0",
                ".endr",
                // Or callers would not pass it.
                in("r1") $frame,
                lateout("r0") matched,
                options(nomem, nostack),
            );
        }
        matched
    }};
}

/// Not 0 when the frame matches.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn vo_filter(frame: *mut __sk_buff) -> u64 {
    room!(frame)
}

#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn vo_filter_xdp(frame: *mut xdp_md) -> u64 {
    room!(frame)
}

/// `size` (1, 2 or 4) bytes of the frame as it is on the wire, from `at` on, as a number; [`OUTSIDE`] when the frame has
/// not got them. The length of the frame when `size` is [`LENGTH`].
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn vo_load(frame: *mut __sk_buff, at: u64, size: u32) -> i64 {
    let ctx = TcContext::new(frame);
    let tag = frame::vlan_len(&ctx);
    if size == LENGTH {
        return i64::from(frame::len(&ctx) + tag);
    }
    if tag == 0 || at + u64::from(size) <= TAG {
        return number(&ctx, at, size);
    }
    if at >= BEHIND_TAG {
        return number(&ctx, at - u64::from(tag), size);
    }
    across_tag(&ctx, at, size)
}

/// The same at XDP, where no tag stands beside the frame.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn vo_load_xdp(frame: *mut xdp_md, at: u64, size: u32) -> i64 {
    if size == LENGTH {
        // SAFETY: the context is the kernel's.
        return unsafe { bpf_xdp_get_buff_len(frame) } as i64;
    }
    number(&XdpContext::new(frame), at, size)
}

#[inline(always)]
fn number(frame: &impl Bytes, at: u64, size: u32) -> i64 {
    if at > u64::from(u32::MAX) {
        return OUTSIDE;
    }
    let mut bytes = [0_u8; 4];
    let into = bytes.as_mut_ptr();
    // SAFETY: no arm loads more than four bytes.
    let is_there = unsafe {
        match size {
            1 => frame.load(at as u32, into, 1),
            2 => frame.load(at as u32, into, 2),
            _ => frame.load(at as u32, into, 4),
        }
    };
    if !is_there {
        return OUTSIDE;
    }
    let four = i64::from(u32::from_be_bytes(bytes));
    match size {
        1 => four >> 24,
        2 => four >> 16,
        _ => four,
    }
}

/// What begins before the end of the tag and does not end before it begins, byte by byte.
#[inline(always)]
fn across_tag(ctx: &TcContext, at: u64, size: u32) -> i64 {
    let Some((protocol, control)) = frame::vlan(ctx) else { return OUTSIDE };
    let tag = u32::from(protocol) << 16 | u32::from(control);
    let mut number = 0;
    for index in 0..4 {
        if index >= u64::from(size) {
            break;
        }
        let at = at + index;
        let byte = if at < TAG {
            self::number(ctx, at, 1)
        } else if at < BEHIND_TAG {
            i64::from(tag >> (8 * (BEHIND_TAG - 1 - at)) & 0xff)
        } else {
            self::number(ctx, at - 4, 1)
        };
        if byte < 0 {
            return OUTSIDE;
        }
        number = number << 8 | byte;
    }
    number
}
