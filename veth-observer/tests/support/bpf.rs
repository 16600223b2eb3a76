//! A foreign BPF program: two instructions that return a constant, loaded without any of our code.

use std::{
    io,
    os::fd::{FromRawFd, OwnedFd},
};

const PROG_LOAD: libc::c_long = 5;
const PROG_QUERY: libc::c_long = 16;
const LINK_CREATE: libc::c_long = 28;
/// XDP_FLAGS_SKB_MODE and XDP_FLAGS_DRV_MODE, include/uapi/linux/if_link.h.
const GENERIC: u32 = 1 << 1;
const NATIVE: u32 = 1 << 2;

/// Where a program can be attached: program type and attach type, include/uapi/linux/bpf.h.
#[derive(Clone, Copy)]
pub(crate) enum Hook {
    TcxIngress,
    TcxEgress,
    Xdp,
    XdpGeneric,
    XdpNative,
}

impl Hook {
    fn is_xdp(self) -> bool {
        matches!(self, Self::Xdp | Self::XdpGeneric | Self::XdpNative)
    }

    fn flags(self) -> u32 {
        match self {
            Self::XdpGeneric => GENERIC,
            Self::XdpNative => NATIVE,
            _ => 0,
        }
    }

    fn types(self) -> (u32, u32) {
        match self {
            Self::TcxIngress => (3, 46),
            Self::TcxEgress => (3, 47),
            Self::Xdp | Self::XdpGeneric | Self::XdpNative => (6, 37),
        }
    }
}

/// Loads a program that returns `code`.
pub(crate) fn load(hook: Hook, name: &str, code: i32) -> OwnedFd {
    load_after(hook, name, &[], code)
}

/// Loads a tc program that writes over words 1 to 4 of the control block, as Cilium does, and goes on.
pub(crate) fn load_scribbler() -> OwnedFd {
    let mut scribble = vec![0xb7, 0x02, 0, 0, 0x5a, 0x5a, 0x5a, 0x5a]; // r2 = 0x5a5a5a5a
    for offset in [52, 56, 60, 64] {
        scribble.extend([0x63, 0x21, offset, 0, 0, 0, 0, 0]); // *(u32 *)(r1 + offset) = r2
    }
    load_after(Hook::TcxEgress, "scribbler", &scribble, -1)
}

fn load_after(hook: Hook, name: &str, before: &[u8], code: i32) -> OwnedFd {
    let mut instructions = before.to_vec();
    instructions.extend([0xb7, 0, 0, 0]); // r0 = code
    instructions.extend(code.to_ne_bytes());
    instructions.extend([0x95, 0, 0, 0, 0, 0, 0, 0]); // exit
    let (program_type, attach_type) = hook.types();
    let mut attr = Vec::new();
    attr.extend(program_type.to_ne_bytes());
    attr.extend(u32::try_from(instructions.len() / 8).unwrap().to_ne_bytes());
    attr.extend((instructions.as_ptr() as u64).to_ne_bytes());
    attr.extend((c"GPL".as_ptr() as u64).to_ne_bytes());
    attr.extend([0; 24]); // no log, no version, no flags
    let mut padded = [0; 16];
    padded[..name.len()].copy_from_slice(name.as_bytes());
    attr.extend(padded);
    attr.extend(0_u32.to_ne_bytes());
    // A tc program may be attached either way, tcx or cls_bpf, while it names no type.
    let expected = if hook.is_xdp() { attach_type } else { 0 };
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
    attr.extend(hook.flags().to_ne_bytes());
    attr.extend([0; 32]);
    bpf(LINK_CREATE, &mut attr).expect("the program attaches")
}

/// Ids of the tcx programs on a device of the calling thread's namespace, in the order they run.
pub(crate) fn tcx_programs(ifindex: u32, hook: Hook) -> Vec<u32> {
    let mut ids = [0_u32; 64];
    let mut attr = Vec::new();
    attr.extend(ifindex.to_ne_bytes());
    attr.extend(hook.types().1.to_ne_bytes());
    attr.extend([0; 8]); // no flags
    attr.extend((ids.as_mut_ptr() as u64).to_ne_bytes());
    attr.extend(64_u32.to_ne_bytes());
    attr.extend([0; 36]);
    call(PROG_QUERY, &mut attr).expect("the hook can be asked");
    let count = u32::from_ne_bytes(attr[24..28].try_into().unwrap());
    ids[..usize::try_from(count).unwrap()].to_vec()
}

fn bpf(command: libc::c_long, attr: &mut [u8]) -> io::Result<OwnedFd> {
    let fd = call(command, attr)?;
    // SAFETY: a descriptor that the kernel just made, and nobody else has.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn call(command: libc::c_long, attr: &mut [u8]) -> io::Result<i32> {
    // SAFETY: the attributes, and what they point to, outlive the call; the kernel touches no more than their length.
    let answer = unsafe { libc::syscall(libc::SYS_bpf, command, attr.as_mut_ptr(), attr.len()) };
    match i32::try_from(answer) {
        Ok(answer) if answer >= 0 => Ok(answer),
        _ => Err(io::Error::last_os_error()),
    }
}
