//! The empty tcx program and the kernel's BPF statistics, by raw system calls: nothing of what is measured is used to measure.

use std::{
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

use anyhow::{Context as _, Result};

/// include/uapi/linux/bpf.h: commands, a program type and the attach types.
const PROG_LOAD: libc::c_long = 5;
const LINK_CREATE: libc::c_long = 28;
const ENABLE_STATS: libc::c_long = 32;
const SCHED_CLS: u32 = 3;
pub(super) const TCX_INGRESS: u32 = 46;
pub(super) const TCX_EGRESS: u32 = 47;

/// TCX_NEXT, as our own programs return.
const NEXT: i32 = -1;

/// Loads `return -1`. A name has at most 15 bytes.
pub(super) fn load_empty(name: &str) -> Result<OwnedFd> {
    let mut instructions = vec![0xb7, 0, 0, 0]; // r0 = NEXT
    instructions.extend(NEXT.to_ne_bytes());
    instructions.extend([0x95, 0, 0, 0, 0, 0, 0, 0]); // exit
    let mut attr = Vec::new();
    attr.extend(SCHED_CLS.to_ne_bytes());
    attr.extend(2_u32.to_ne_bytes());
    attr.extend((instructions.as_ptr() as u64).to_ne_bytes());
    attr.extend((c"GPL".as_ptr() as u64).to_ne_bytes());
    attr.extend([0; 24]); // no log, no version, no flags
    let mut padded = [0; 16];
    for (to, from) in padded.iter_mut().zip(name.bytes().take(15)) {
        *to = from;
    }
    attr.extend(padded);
    attr.extend([0; 8]);
    bpf(PROG_LOAD, &mut attr).context("cannot load an empty program")
}

/// Attaches it to a device of the calling thread's namespace, for as long as the returned link is open.
pub(super) fn attach(program: &OwnedFd, ifindex: u32, kind: u32) -> Result<OwnedFd> {
    let mut attr = Vec::new();
    attr.extend(program.as_raw_fd().to_ne_bytes());
    attr.extend(ifindex.to_ne_bytes());
    attr.extend(kind.to_ne_bytes());
    attr.extend([0; 36]);
    bpf(LINK_CREATE, &mut attr).context("cannot attach an empty program by tcx (Linux 6.6)")
}

/// Lets the kernel time every run of every program for as long as the result is open; off again by itself.
pub(super) fn enable_statistics() -> Result<OwnedFd> {
    bpf(ENABLE_STATS, &mut 0_u32.to_ne_bytes()).context("cannot turn on the kernel's BPF statistics")
}

fn bpf(command: libc::c_long, attr: &mut [u8]) -> io::Result<OwnedFd> {
    // SAFETY: the attributes, and what they point to, outlive the call; the kernel reads no more than their length.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, command, attr.as_mut_ptr(), attr.len()) };
    match i32::try_from(fd) {
        // SAFETY: a descriptor that the kernel just made, and nobody else has.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}
