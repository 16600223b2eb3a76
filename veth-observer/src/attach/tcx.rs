//! tcx links (Linux 6.6): attaching loses no frame, and the kernel takes them away with the process.

use std::io;

use anyhow::{Result, anyhow, ensure};
use aya::programs::{
    LinkOrder, ProgramError, SchedClassifier, TcAttachType,
    links::FdLink,
    tc::{SchedClassifierLink, TcAttachOptions},
};

use super::{fdinfo::LinkFile, names::interface_name, qdisc::Way};
use crate::{
    kernel::{Loaded, features},
    model::link::End,
};

/// One program on one hook; the kernel takes it off when this is dropped. It keeps no namespace alive.
#[derive(Debug)]
pub(super) struct Hook {
    pub(super) end: usize,
    way: Way,
    program: u32,
    _link: SchedClassifierLink,
    file: LinkFile,
}

impl Hook {
    /// Index of the device now, wherever it has moved; none once it is unregistered.
    pub(super) fn ifindex(&self) -> Option<u32> {
        self.file.ifindex()
    }

    /// Whether it is on the device of this index in the namespace of the calling thread.
    pub(super) fn is_on(&self, ifindex: u32) -> bool {
        let Ok(name) = interface_name(ifindex) else { return false };
        let programs = SchedClassifier::query_tcx(&name, kind(self.way));
        programs.is_ok_and(|(_, programs)| programs.iter().any(|program| program.id() == self.program))
    }
}

fn kind(way: Way) -> TcAttachType {
    match way {
        Way::Ingress => TcAttachType::Ingress,
        Way::Egress => TcAttachType::Egress,
    }
}

/// None when this kernel has no tcx. Runs in the namespace of the end: aya and the kernel resolve names in the namespace
/// of the calling thread.
pub(super) fn attach(loaded: &mut Loaded, index: usize, end: &End, way: Way) -> Result<Option<Hook>> {
    let name = interface_name(end.ifindex)?;
    let program = loaded.program(index, way == Way::Ingress)?;
    let options = TcAttachOptions::TcxOrder(LinkOrder::first());
    let id = match program.attach_with_options(&name, kind(way), options) {
        Err(error) if code(&error) == Some(libc::EINVAL) => return Ok(None),
        attached => attached.map_err(explain)?,
    };
    let link = program.take_link(id)?;
    let number = <&FdLink>::try_from(&link)?.info()?.id();
    let file = LinkFile::find(&[("link_id", number)]);
    let file = file.ok_or_else(|| anyhow!("link {number} is not among our descriptors"))?;
    // The name may have passed to another device since it was looked up.
    ensure!(interface_name(end.ifindex)? == name, "{name} was renamed meanwhile; try again");
    let program = program.info()?.id();
    Ok(Some(Hook { end: index, way, program, _link: link, file }))
}

/// EINVAL: kernel/bpf/syscall.c does not know the attach type, or the kernel was built without CONFIG_NET_XGRESS.
pub(super) fn code(error: &ProgramError) -> Option<i32> {
    match error {
        ProgramError::SyscallError(syscall) => syscall.io_error.raw_os_error(),
        _ => None,
    }
}

fn explain(error: ProgramError) -> anyhow::Error {
    match code(&error) {
        Some(libc::EPERM) => features::missing_privilege("attach programs to a device").into(),
        Some(libc::ERANGE | libc::ENOSPC) => {
            anyhow!(error).context("the hook is full: it carries 64 programs")
        }
        Some(_) => io::Error::other(error).into(),
        None => error.into(),
    }
}
