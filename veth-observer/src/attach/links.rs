//! BPF links, which end with the process that has their descriptor.
//!
//! By system calls of our own: aya takes a name, which may pass to another device meanwhile, gives out no descriptor by
//! which to ask whether a link is still attached, and where there are no links it attaches XDP programs for good.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
};

// include/uapi/linux/bpf.h
const LINK_CREATE: libc::c_long = 28;
const OBJ_GET_INFO_BY_FD: libc::c_long = 15;

/// A program on a hook of a device; the kernel takes it off when this is dropped. It keeps no namespace alive.
#[derive(Debug)]
pub(super) struct Link(OwnedFd);

impl Link {
    /// Attaches to a device of the calling thread's namespace; the meaning of `flags` depends on the type.
    pub(super) fn create(program: impl AsFd, ifindex: u32, attach_type: u32, flags: u32) -> io::Result<Self> {
        let program = program.as_fd().as_raw_fd();
        let mut attr = LinkCreate { program, ifindex, attach_type, flags, relative: [0; 2] };
        let fd = bpf(LINK_CREATE, &mut attr)?;
        // SAFETY: a descriptor that the kernel just made, and nobody else has; it is closed on exec.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Index of the device now, wherever it has moved; none once it is unregistered or the link was detached, or cannot be
    /// asked for.
    pub(super) fn ifindex(&self) -> Option<u32> {
        // kernel/bpf/tcx.c, `tcx_link_fill_info`, and net/core/dev.c, `bpf_xdp_link_fill_link_info`: 0 then.
        self.info().ok().map(|info| info.ifindex).filter(|&index| index != 0)
    }

    /// Id of the program.
    pub(super) fn program(&self) -> io::Result<u32> {
        Ok(self.info()?.program)
    }

    fn info(&self) -> io::Result<LinkInfo> {
        let mut info = LinkInfo::default();
        let mut attr = GetInfo { fd: self.0.as_raw_fd(), len: LINK_INFO_LEN, info: &raw mut info };
        bpf(OBJ_GET_INFO_BY_FD, &mut attr)?;
        Ok(info)
    }
}

/// `link_create` of `union bpf_attr`.
#[repr(C)]
struct LinkCreate {
    program: i32,
    ifindex: u32,
    attach_type: u32,
    flags: u32,
    relative: [u64; 2],
}

/// `info` of `union bpf_attr`.
#[repr(C)]
struct GetInfo {
    fd: i32,
    len: u32,
    info: *mut LinkInfo,
}

/// Bytes of [`LinkInfo`].
const LINK_INFO_LEN: u32 = 24;

/// `struct bpf_link_info` of a tcx or an XDP link, which has no attach type.
#[repr(C)]
#[derive(Default)]
struct LinkInfo {
    kind: u32,
    id: u32,
    program: u32,
    padding: u32,
    ifindex: u32,
    attach_type: u32,
}

fn bpf<T>(command: libc::c_long, attr: &mut T) -> io::Result<i32> {
    // SAFETY: the attributes, and what they point to, outlive the call; the kernel stays within the lengths it is told.
    let code = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attr), size_of::<T>()) };
    match i32::try_from(code) {
        Ok(code) if code >= 0 => Ok(code),
        _ => Err(io::Error::last_os_error()),
    }
}
