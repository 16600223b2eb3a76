//! What programs cost, as the kernel counts it while `kernel.bpf_stats_enabled` is set. We never set it.

use std::{
    fs, io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

// include/uapi/linux/bpf.h
const PROG_GET_FD_BY_ID: libc::c_long = 13;
const OBJ_GET_INFO_BY_FD: libc::c_long = 15;

/// Runs of programs, and the nanoseconds that they took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Runs {
    pub count: u64,
    pub ns: u64,
}

impl Runs {
    /// Adds those of a program that somebody holds, by its id; nothing where they may not be seen (CAP_SYS_ADMIN).
    pub fn add(&mut self, program: u32) {
        match of(program) {
            Ok(runs) => {
                self.count += runs.count;
                self.ns += runs.ns;
            }
            Err(error) => tracing::debug!(program, "the runs of a program are not told: {error}"),
        }
    }
}

/// Whether the kernel counts them now.
pub fn are_counted() -> bool {
    fs::read_to_string("/proc/sys/kernel/bpf_stats_enabled").is_ok_and(|enabled| enabled.trim() != "0")
}

fn of(program: u32) -> io::Result<Runs> {
    // `union bpf_attr`: prog_id, next_id, open_flags.
    let mut by_id = [program, 0, 0];
    // SAFETY: the attributes outlive the call; the kernel reads no more than their length.
    let fd =
        unsafe { libc::syscall(libc::SYS_bpf, PROG_GET_FD_BY_ID, by_id.as_mut_ptr(), size_of_val(&by_id)) };
    let Ok(fd @ 0..) = i32::try_from(fd) else { return Err(io::Error::last_os_error()) };
    // SAFETY: a descriptor that the kernel just made, and nobody else has.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    let mut info = [0_u64; INFO_WORDS];
    let mut attr = GetInfo { fd: fd.as_raw_fd(), len: INFO_LEN, info: info.as_mut_ptr() };
    // SAFETY: the attributes, and the buffer that they point to, outlive the call; the kernel stays within the lengths that it
    // is told. All pointers in the buffer are null, and so nothing is written there.
    let code =
        unsafe { libc::syscall(libc::SYS_bpf, OBJ_GET_INFO_BY_FD, &raw mut attr, size_of::<GetInfo>()) };
    if code < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Runs { count: info[RUN_CNT], ns: info[RUN_TIME_NS] })
}

/// Of `struct bpf_prog_info`, as far as it is asked for, in words of 8 bytes.
const INFO_WORDS: usize = 26;
const INFO_LEN: u32 = 208;
const _: () = assert!(INFO_LEN as usize == 8 * INFO_WORDS);
const RUN_TIME_NS: usize = 24;
const RUN_CNT: usize = 25;

/// `info` of `union bpf_attr`.
#[repr(C)]
struct GetInfo {
    fd: i32,
    len: u32,
    info: *mut u64,
}
