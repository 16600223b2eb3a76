//! tcx links (Linux 6.6): attaching loses no frame, and the kernel takes them away with the process.

use std::{fs, io};

use anyhow::{Context, Result, anyhow, ensure};
use aya::programs::{
    LinkOrder, ProgramError, TcAttachType,
    links::FdLink,
    tc::{SchedClassifierLink, TcAttachOptions},
};
use rustix::net::netdevice;

use crate::{
    fault::Fault,
    kernel::{Loaded, features},
    model::link::End,
    netns::Namespace,
};

/// The four programs of a pair on their hooks; they come off in the right order when this is dropped.
#[derive(Debug)]
pub struct Attachment {
    // Dropped first: what is still under way is counted as it arrives.
    egress: Vec<Hook>,
    ingress: Vec<Hook>,
}

#[derive(Debug)]
struct Hook {
    end: usize,
    link: SchedClassifierLink,
    /// File under /proc/self/fdinfo that tells where the link is attached now.
    fdinfo: String,
}

impl Attachment {
    /// Attaches ingress at both ends before egress, so that no counted departure meets an end that does not count.
    pub fn new(loaded: &mut Loaded, ends: &[End; 2], namespaces: &[Namespace; 2]) -> Result<Self> {
        let mut this = Self { egress: Vec::new(), ingress: Vec::new() };
        for ingress in [true, false] {
            for index in 0..2 {
                let (end, namespace) = (&ends[index], &namespaces[index]);
                let hook = namespace
                    .run(|| attach(loaded, index, end, ingress))?
                    .with_context(|| format!("cannot observe {} in {}", end.label(), end.netns))?;
                if ingress { &mut this.ingress } else { &mut this.egress }.push(hook);
            }
        }
        Ok(this)
    }

    /// Stops counting departures; arrivals are counted on.
    pub fn close_egress(&mut self) {
        self.egress.clear();
    }

    /// The first end (0 or 1) that is no longer there: its device was deleted.
    pub fn gone(&self) -> Option<usize> {
        self.ingress.iter().find(|hook| !hook.attached()).map(|hook| hook.end)
    }
}

impl Hook {
    /// kernel/bpf/tcx.c, `tcx_link_fdinfo`: ifindex 0 once the device is unregistered.
    fn attached(&self) -> bool {
        let _ = &self.link;
        fs::read_to_string(&self.fdinfo)
            .is_ok_and(|text| field(&text, "ifindex").is_some_and(|index| index != 0))
    }
}

/// Runs in the namespace of the end: aya and the kernel resolve names in the namespace of the calling thread.
fn attach(loaded: &mut Loaded, index: usize, end: &End, ingress: bool) -> Result<Hook> {
    let name = interface_name(end.ifindex)?;
    let kind = if ingress { TcAttachType::Ingress } else { TcAttachType::Egress };
    let program = loaded.program(index, ingress)?;
    let id = program
        .attach_with_options(&name, kind, TcAttachOptions::TcxOrder(LinkOrder::first()))
        .map_err(explain)?;
    let link = program.take_link(id)?;
    let fdinfo = fdinfo(<&FdLink>::try_from(&link)?)?;
    // The name may have passed to another device since it was looked up.
    ensure!(interface_name(end.ifindex)? == name, "{name} was renamed meanwhile; try again");
    Ok(Hook { end: index, link, fdinfo })
}

fn interface_name(ifindex: u32) -> Result<String> {
    let socket = rustix::net::socket(rustix::net::AddressFamily::UNIX, rustix::net::SocketType::DGRAM, None)?;
    netdevice::index_to_name(&socket, ifindex)
        .with_context(|| format!("the device with ifindex {ifindex} is gone"))
}

/// aya gives out no descriptor of a link, but its id, and the kernel shows both.
fn fdinfo(link: &FdLink) -> Result<String> {
    let id = link.info()?.id();
    for entry in fs::read_dir("/proc/self/fdinfo")? {
        let path = entry?.path().display().to_string();
        if fs::read_to_string(&path).is_ok_and(|text| field(&text, "link_id") == Some(id)) {
            return Ok(path);
        }
    }
    Err(anyhow!("link {id} is not among our descriptors"))
}

fn field(fdinfo: &str, name: &str) -> Option<u32> {
    fdinfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().parse().ok())
}

fn explain(error: ProgramError) -> anyhow::Error {
    let ProgramError::SyscallError(syscall) = &error else { return error.into() };
    match syscall.io_error.raw_os_error() {
        Some(libc::EPERM) => features::missing_privilege("attach programs to a device").into(),
        // kernel/bpf/syscall.c: the attach type is unknown, or the kernel was built without CONFIG_NET_XGRESS.
        Some(libc::EINVAL) => Fault::unavailable("this kernel has no tcx hooks, which observing takes")
            .fix("boot Linux 6.6 or later, then `veth-observer doctor`")
            .into(),
        Some(libc::ERANGE | libc::ENOSPC) => {
            anyhow!(error).context("the hook is full: it carries 64 programs")
        }
        _ => io::Error::other(error).into(),
    }
}
