//! A program that counts, to try the build with.

#![no_std]
#![no_main]

use aya_ebpf::{
    Global,
    macros::{classifier, map},
    maps::PerCpuArray,
    programs::TcContext,
};

#[unsafe(no_mangle)]
static VO_STEP: Global<u64> = Global::new(1);

#[map]
static VO_COUNTERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(2, 0);

#[classifier]
pub fn vo_count(_: TcContext) -> i32 {
    if let Some(counter) = VO_COUNTERS.get_ptr_mut(0) {
        // SAFETY: the slot is this processor's own, and the map outlives the program.
        unsafe { *counter += VO_STEP.load() };
    }
    -1
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

/// What the kernel asks for before it lets a program call GPL-only helpers.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
