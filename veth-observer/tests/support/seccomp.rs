//! System calls that fail: as on a kernel without tcx, and as in a sandbox that is too tight.

use std::{io, os::unix::process::CommandExt, process::Command};

const BPF_LINK_CREATE: u32 = 28;

/// Lets bpf(BPF_LINK_CREATE) fail with EINVAL in the program that `command` starts.
pub(crate) fn refuse_links(command: &mut Command) {
    // SAFETY: what runs between fork and exec makes two system calls and allocates nothing.
    unsafe { command.pre_exec(refuse_link_creation) };
}

/// Lets fsopen(2) fail with EPERM, as container engines do for who lacks CAP_SYS_ADMIN.
pub(crate) fn refuse_file_systems(command: &mut Command) {
    // SAFETY: as above.
    unsafe { command.pre_exec(refuse_fsopen) };
}

fn refuse_link_creation() -> io::Result<()> {
    // struct seccomp_data: the number of the system call at 0, its first argument at 16.
    install(&mut [
        instruction(0x20, 0, 0, 0),
        instruction(0x15, 0, 3, number(libc::SYS_bpf)?),
        instruction(0x20, 0, 0, 16),
        instruction(0x15, 0, 1, BPF_LINK_CREATE),
        fail(libc::EINVAL),
        instruction(0x06, 0, 0, libc::SECCOMP_RET_ALLOW),
    ])
}

fn refuse_fsopen() -> io::Result<()> {
    install(&mut [
        instruction(0x20, 0, 0, 0),
        instruction(0x15, 0, 1, number(libc::SYS_fsopen)?),
        fail(libc::EPERM),
        instruction(0x06, 0, 0, libc::SECCOMP_RET_ALLOW),
    ])
}

fn number(call: libc::c_long) -> io::Result<u32> {
    u32::try_from(call).map_err(|_| io::Error::from_raw_os_error(libc::ENOSYS))
}

fn fail(errno: libc::c_int) -> libc::sock_filter {
    instruction(0x06, 0, 0, libc::SECCOMP_RET_ERRNO | errno.unsigned_abs())
}

fn install(filter: &mut [libc::sock_filter]) -> io::Result<()> {
    let len = u16::try_from(filter.len()).map_err(|_| io::Error::from_raw_os_error(libc::E2BIG))?;
    let program = libc::sock_fprog { len, filter: filter.as_mut_ptr() };
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
