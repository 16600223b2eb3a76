//! tcx links (Linux 6.6): attaching loses no frame, and the kernel takes them away with the process.
//!
//! By system calls of our own: aya takes a name, which may pass to another device meanwhile, and gives out no descriptor
//! by which to ask whether a link is still attached.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
};

use anyhow::{Context, Result, anyhow};
use aya::programs::{SchedClassifier, TcAttachType};

use super::{names::interface_name, qdisc::Way};
use crate::{
    kernel::{Loaded, features},
    model::link::End,
};

/// One program on one hook; the kernel takes it off when this is dropped. It keeps no namespace alive.
#[derive(Debug)]
pub(super) struct Hook {
    pub(super) end: usize,
    program: u32,
    way: Way,
    link: OwnedFd,
}

impl Hook {
    /// Index of the device now, wherever it has moved; none once it is unregistered, or cannot be asked for.
    pub(super) fn ifindex(&self) -> Option<u32> {
        // kernel/bpf/tcx.c, `tcx_link_fill_info`: 0 then.
        info(&self.link).ok().map(|info| info.ifindex).filter(|&index| index != 0)
    }

    /// Whether it is on the device of this index in the namespace of the calling thread.
    pub(super) fn is_on(&self, ifindex: u32) -> bool {
        let Ok(name) = interface_name(ifindex) else { return false };
        let kind = match self.way {
            Way::Ingress => TcAttachType::Ingress,
            Way::Egress => TcAttachType::Egress,
        };
        let programs = SchedClassifier::query_tcx(&name, kind);
        programs.is_ok_and(|(_, programs)| programs.iter().any(|program| program.id() == self.program))
    }
}

/// None when this kernel has no tcx. Runs in the namespace of the end.
pub(super) fn attach(loaded: &mut Loaded, index: usize, end: &End, way: Way) -> Result<Option<Hook>> {
    let program = loaded.program(index, way == Way::Ingress)?.fd()?;
    match create(program, end.ifindex, way) {
        Ok(link) => {
            let program = info(&link).context("cannot ask where a program is attached")?.program;
            Ok(Some(Hook { end: index, program, way, link }))
        }
        // kernel/bpf/syscall.c does not know the attach type, or the kernel was built without CONFIG_NET_XGRESS.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(None),
        Err(error) => Err(explain(error, end.ifindex)),
    }
}

fn explain(error: io::Error, ifindex: u32) -> anyhow::Error {
    match error.raw_os_error() {
        Some(libc::EPERM) => features::missing_privilege("attach programs to a device").into(),
        Some(libc::ENODEV) => anyhow!("the device with ifindex {ifindex} is gone"),
        Some(libc::ERANGE | libc::ENOSPC) => {
            anyhow!(error).context("the hook is full: it carries 64 programs")
        }
        _ => error.into(),
    }
}

// include/uapi/linux/bpf.h
const LINK_CREATE: libc::c_long = 28;
const OBJ_GET_INFO_BY_FD: libc::c_long = 15;
const TCX_INGRESS: u32 = 46;
const TCX_EGRESS: u32 = 47;
/// Before all programs that are there, since it names none.
const BEFORE: u32 = 1 << 3;

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

/// `struct bpf_link_info` of a tcx link.
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

fn create(program: impl AsFd, ifindex: u32, way: Way) -> io::Result<OwnedFd> {
    let attach_type = match way {
        Way::Ingress => TCX_INGRESS,
        Way::Egress => TCX_EGRESS,
    };
    let program = program.as_fd().as_raw_fd();
    let mut attr = LinkCreate { program, ifindex, attach_type, flags: BEFORE, relative: [0; 2] };
    let fd = bpf(LINK_CREATE, &mut attr)?;
    // SAFETY: a descriptor that the kernel just made, and nobody else has; it is closed on exec.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn info(link: &OwnedFd) -> io::Result<LinkInfo> {
    let mut info = LinkInfo::default();
    let mut attr = GetInfo { fd: link.as_raw_fd(), len: LINK_INFO_LEN, info: &raw mut info };
    bpf(OBJ_GET_INFO_BY_FD, &mut attr)?;
    Ok(info)
}

fn bpf<T>(command: libc::c_long, attr: &mut T) -> io::Result<i32> {
    // SAFETY: the attributes, and what they point to, outlive the call; the kernel stays within the lengths it is told.
    let code = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attr), size_of::<T>()) };
    match i32::try_from(code) {
        Ok(code) if code >= 0 => Ok(code),
        _ => Err(io::Error::last_os_error()),
    }
}
