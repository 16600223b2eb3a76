//! Four passive programs, one per end and way, and one that sees what dies between them; on request, arrivals are seen at
//! XDP. Each counts and returns "go on": it never drops, never redirects, never rewrites a byte of the frame. One exception:
//! the probe frames that this very run sends end at the ingress hook.

#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]

mod arrival;
mod arrival_xdp;
mod constants;
mod death;
mod departure;
mod fallback;
mod filter;
mod frame;
mod journal;
mod probes;
mod samples;
mod skb;
mod stages;
mod telling;

use aya_ebpf::{
    bindings::xdp_action::XDP_PASS,
    macros::{btf_tracepoint, classifier, xdp},
    programs::{BtfTracePointContext, TcContext, XdpContext},
};
use probes::Probe;
use stages::Stage;

/// TCX_NEXT and TC_ACT_UNSPEC: whoever stands behind us decides.
const NEXT: i32 = -1;

/// TCX_DROP and TC_ACT_SHOT.
const TAKEN_OFF: i32 = 2;

const A_TO_B: u32 = 0;
const B_TO_A: u32 = 1;

#[classifier]
pub fn vo_a_egress(ctx: TcContext) -> i32 {
    depart(&ctx, A_TO_B)
}

#[classifier]
pub fn vo_b_ingress(ctx: TcContext) -> i32 {
    arrive(&ctx, A_TO_B)
}

#[classifier]
pub fn vo_b_egress(ctx: TcContext) -> i32 {
    depart(&ctx, B_TO_A)
}

#[classifier]
pub fn vo_a_ingress(ctx: TcContext) -> i32 {
    arrive(&ctx, B_TO_A)
}

#[inline(always)]
fn depart(ctx: &TcContext, direction: u32) -> i32 {
    match probes::of(ctx) {
        Probe::None => departure::count(ctx, direction),
        Probe::Ours(sequence) => probes::depart(ctx, direction, sequence),
        Probe::Foreign => {}
    }
    NEXT
}

#[inline(always)]
fn arrive(ctx: &TcContext, direction: u32) -> i32 {
    match probes::of(ctx) {
        Probe::None => arrival::count(ctx, direction),
        Probe::Ours(sequence) => {
            probes::arrive(direction, sequence);
            return TAKEN_OFF;
        }
        Probe::Foreign => {}
    }
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

/// On every buffer that any device is given to send, only while stages are asked for.
#[btf_tracepoint(function = "net_dev_start_xmit")]
pub fn vo_to_device(ctx: BtfTracePointContext) -> i32 {
    stages::count(&ctx, Stage::Device);
    0
}

/// On every buffer that comes up from any device, only while stages are asked for.
#[btf_tracepoint(function = "netif_receive_skb")]
pub fn vo_to_stack(ctx: BtfTracePointContext) -> i32 {
    stages::count(&ctx, Stage::Stack);
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
