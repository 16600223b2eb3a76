//! Four passive programs, one per end and way, and one that sees what dies between them; on request, arrivals are seen at
//! XDP. Each counts and returns "go on": it never drops, never redirects, never rewrites a byte of the frame.

#![no_std]
#![no_main]

mod arrival;
mod arrival_xdp;
mod constants;
mod death;
mod departure;
mod fallback;
mod frame;
mod log;
mod samples;

use aya_ebpf::{
    bindings::xdp_action::XDP_PASS,
    macros::{btf_tracepoint, classifier, xdp},
    programs::{BtfTracePointContext, TcContext, XdpContext},
};

/// TCX_NEXT and TC_ACT_UNSPEC: whoever stands behind us decides.
const NEXT: i32 = -1;

const A_TO_B: u32 = 0;
const B_TO_A: u32 = 1;

#[classifier]
pub fn vo_a_egress(ctx: TcContext) -> i32 {
    departure::count(&ctx, A_TO_B);
    NEXT
}

#[classifier]
pub fn vo_b_ingress(ctx: TcContext) -> i32 {
    arrival::count(&ctx, A_TO_B);
    NEXT
}

#[classifier]
pub fn vo_b_egress(ctx: TcContext) -> i32 {
    departure::count(&ctx, B_TO_A);
    NEXT
}

#[classifier]
pub fn vo_a_ingress(ctx: TcContext) -> i32 {
    arrival::count(&ctx, B_TO_A);
    NEXT
}

#[xdp]
pub fn vo_b_xdp(ctx: XdpContext) -> u32 {
    arrival_xdp::count(&ctx, A_TO_B);
    XDP_PASS
}

#[xdp(frags)]
pub fn vo_b_xdp_frags(ctx: XdpContext) -> u32 {
    arrival_xdp::count(&ctx, A_TO_B);
    XDP_PASS
}

#[xdp]
pub fn vo_a_xdp(ctx: XdpContext) -> u32 {
    arrival_xdp::count(&ctx, B_TO_A);
    XDP_PASS
}

#[xdp(frags)]
pub fn vo_a_xdp_frags(ctx: XdpContext) -> u32 {
    arrival_xdp::count(&ctx, B_TO_A);
    XDP_PASS
}

/// Once per observation, on every buffer that the kernel drops anywhere: the first look must be cheap.
#[btf_tracepoint(function = "kfree_skb")]
pub fn vo_drop(ctx: BtfTracePointContext) -> i32 {
    death::count(&ctx);
    0
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

/// What the kernel asks for before it lets a program call GPL-only helpers.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
