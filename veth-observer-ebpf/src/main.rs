//! Four passive programs, one per end and way, and one that sees what dies between them. Each counts and returns "go on": it never drops, never redirects, never
//! rewrites a byte of the frame.

#![no_std]
#![no_main]

mod arrival;
mod constants;
mod death;
mod departure;
mod fallback;
mod frame;
mod log;
mod samples;

use aya_ebpf::{
    macros::{btf_tracepoint, classifier},
    programs::{BtfTracePointContext, TcContext},
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
