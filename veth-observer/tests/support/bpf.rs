//! A foreign BPF program: two instructions that return a constant, loaded without any of our code.

use std::{
    io,
    os::fd::{FromRawFd, OwnedFd},
};

const PROG_LOAD: libc::c_long = 5;
const LINK_CREATE: libc::c_long = 28;

/// Where a program can be attached: program type and attach type, include/uapi/linux/bpf.h.
#[derive(Clone, Copy)]
pub(crate) enum Hook {
    TcxIngress,
    TcxEgress,
    Xdp,
}

impl Hook {
    fn types(self) -> (u32, u32) {
        match self {
            Self::TcxIngress => (3, 46),
            Self::TcxEgress => (3, 47),
            Self::Xdp => (6, 37),
        }
    }
}

/// Loads a program that returns `code`.
pub(crate) fn load(hook: Hook, name: &str, code: i32) -> OwnedFd {
    let mut instructions = vec![0xb7, 0, 0, 0]; // r0 = code
    instructions.extend(code.to_ne_bytes());
    instructions.extend([0x95, 0, 0, 0, 0, 0, 0, 0]); // exit
    let (program_type, attach_type) = hook.types();
    let mut attr = Vec::new();
    attr.extend(program_type.to_ne_bytes());
    attr.extend(2_u32.to_ne_bytes());
    attr.extend((instructions.as_ptr() as u64).to_ne_bytes());
    attr.extend((c"GPL".as_ptr() as u64).to_ne_bytes());
    attr.extend([0; 24]); // no log, no version, no flags
    let mut padded = [0; 16];
    padded[..name.len()].copy_from_slice(name.as_bytes());
    attr.extend(padded);
    attr.extend(0_u32.to_ne_bytes());
    // A tc program may be attached either way, tcx or cls_bpf, while it names no type.
    let expected = if matches!(hook, Hook::Xdp) { attach_type } else { 0 };
    attr.extend(expected.to_ne_bytes());
    bpf(PROG_LOAD, &mut attr).expect("the program loads")
}

/// Attaches it to a device of the calling thread's namespace, for as long as the returned link is open.
pub(crate) fn attach(program: &OwnedFd, ifindex: u32, hook: Hook) -> OwnedFd {
    use std::os::fd::AsRawFd;
    let mut attr = Vec::new();
    attr.extend(program.as_raw_fd().to_ne_bytes());
    attr.extend(ifindex.to_ne_bytes());
    attr.extend(hook.types().1.to_ne_bytes());
    attr.extend([0; 36]);
    bpf(LINK_CREATE, &mut attr).expect("the program attaches")
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
