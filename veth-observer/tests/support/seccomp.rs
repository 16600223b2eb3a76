//! An older kernel, as far as BPF links go: their creation fails as one without tcx would have it.

use std::{io, os::unix::process::CommandExt, process::Command};

const BPF_LINK_CREATE: u32 = 28;

/// Lets bpf(BPF_LINK_CREATE) fail with EINVAL in the program that `command` starts.
pub(crate) fn refuse_links(command: &mut Command) {
    // SAFETY: what runs between fork and exec makes two system calls and allocates nothing.
    unsafe { command.pre_exec(install) };
}

fn install() -> io::Result<()> {
    let nr = u32::try_from(libc::SYS_bpf).map_err(|_| io::Error::from_raw_os_error(libc::ENOSYS))?;
    let refuse = libc::SECCOMP_RET_ERRNO | libc::EINVAL.unsigned_abs();
    // struct seccomp_data: the number of the system call at 0, its first argument at 16.
    let filter = [
        instruction(0x20, 0, 0, 0),
        instruction(0x15, 0, 3, nr),
        instruction(0x20, 0, 0, 16),
        instruction(0x15, 0, 1, BPF_LINK_CREATE),
        instruction(0x06, 0, 0, refuse),
        instruction(0x06, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: 6, filter: filter.as_ptr().cast_mut() };
    // SAFETY: the program outlives the call, and the kernel only reads it.
    let code = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program)
    };
    if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn instruction(code: u16, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code, jt, jf, k }
}
