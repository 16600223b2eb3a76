//! What the programs say with -vv. Each line is a function of its own, so that a program that says nothing keeps nothing
//! on its stack for it.

use aya_ebpf::{
    bindings::{__sk_buff, xdp_md},
    programs::{TcContext, XdpContext},
};
use aya_log_ebpf::debug;

#[inline(never)]
pub fn first_departure(skb: *mut __sk_buff, direction: u32, bytes: u32) {
    debug!(TcContext::new(skb), "direction {}: first departure on this CPU, {} bytes", direction, bytes);
}

#[inline(never)]
pub fn first_arrival(skb: *mut __sk_buff, direction: u32, bytes: u32) {
    debug!(TcContext::new(skb), "direction {}: first arrival on this CPU, {} bytes", direction, bytes);
}

#[inline(never)]
pub fn clamped(skb: *mut __sk_buff, direction: u32) {
    debug!(TcContext::new(skb), "direction {}: arrival read before departure, delay taken as 0", direction);
}

#[inline(never)]
pub fn ring_full(skb: *mut __sk_buff, bytes: u32) {
    debug!(TcContext::new(skb), "no room in the ring for a sample of {} bytes", bytes);
}

#[inline(never)]
pub fn ring_full_at_xdp(ctx: *mut xdp_md, bytes: u32) {
    debug!(XdpContext::new(ctx), "no room in the ring for a sample of {} bytes", bytes);
}
