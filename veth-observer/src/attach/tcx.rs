//! tcx links (Linux 6.6): attaching loses no frame, and the kernel takes them away with the process.

use std::io;

use anyhow::{Context, Result, anyhow};
use aya::programs::{SchedClassifier, TcAttachType};

use super::{links::Link, names::interface_name, qdisc::Way};
use crate::{
    kernel::{Loaded, features},
    model::link::End,
};

/// One program on one hook; the kernel takes it off when this is dropped. It keeps no namespace alive.
#[derive(Debug)]
pub(super) struct Hook {
    pub(super) end: usize,
    /// Id of the program.
    pub(super) program: u32,
    way: Way,
    link: Link,
}

impl Hook {
    /// Index of the device now, wherever it has moved; none once it is unregistered, or cannot be asked for.
    pub(super) fn ifindex(&self) -> Option<u32> {
        self.link.ifindex()
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
    let attach_type = match way {
        Way::Ingress => TCX_INGRESS,
        Way::Egress => TCX_EGRESS,
    };
    match Link::create(program, end.ifindex, attach_type, BEFORE) {
        Ok(link) => {
            let program = link.program().context("cannot ask where a program is attached")?;
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
const TCX_INGRESS: u32 = 46;
const TCX_EGRESS: u32 = 47;
/// Before all programs that are there, since it names none.
const BEFORE: u32 = 1 << 3;
