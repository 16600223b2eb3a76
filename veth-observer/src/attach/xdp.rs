//! XDP links (Linux 5.9) at the ends: one program a device, so that another one in place is never touched.

use std::io;

use anyhow::{Result, anyhow};
use netlink_packet_core::{NlaBuffer, NlasIterator};
use netlink_packet_route::{RouteNetlinkMessage, link::LinkMessage};
use aya::programs::{ProgramError, Xdp, XdpMode, xdp::XdpLink};

use super::{channels::Channels, fdinfo::LinkFile, programs, rtnetlink::Rtnetlink, tcx::code};
use crate::{
    fault::Fault,
    kernel::{Loaded, features},
    model::link::End,
    netns::Namespace,
};

/// One program on one end; the kernel takes it off when this is dropped. It keeps no namespace alive.
#[derive(Debug)]
pub(super) struct Hook {
    pub(super) end: usize,
    _link: XdpLink,
    file: LinkFile,
}

impl Hook {
    /// Whether it is on a device still.
    pub(super) fn is_on(&self) -> bool {
        self.file.ifindex().is_some()
    }
}

/// What traffic will feel.
pub(super) fn cost([a, b]: &[End; 2], generic: bool) -> String {
    let (a, b) = (a.label(), b.label());
    if generic {
        return format!(
            "generic XDP on {a} and {b}: what a program sees must lie in one piece with 256 bytes of room before it, so \
             nearly every buffer is copied"
        );
    }
    format!(
        "native XDP on {a} and {b}: meanwhile both lose TSO, every frame is copied and waits in a ring of 256 for each \
         queue, and the MTU cannot be raised at will; TCP bulk takes about 3.5 times the CPU. Frames in a ring when it comes \
         off are dropped"
    )
}

/// Refuses what cannot be, before anything is attached.
pub(super) fn check(ends: &[End; 2], namespaces: &[Namespace; 2], generic: bool) -> Result<()> {
    if !generic && !features::has_xdp_load_bytes()? {
        return Err(Fault::unavailable("native XDP takes Linux 5.18, which can show a program a frame in pieces")
            .fix("--xdp-mode generic, or --hook tc")
            .into());
    }
    for (end, namespace) in ends.iter().zip(namespaces) {
        let attached = namespace.run(|| program_on(end.ifindex))??;
        if let Some(id) = attached {
            return Err(occupied(end, id));
        }
    }
    if generic {
        return Ok(());
    }
    let channels = |at: usize| namespaces[at].run(|| Channels::read(ends[at].ifindex));
    for (receiving, sending) in [(0, 1), (1, 0)] {
        // Where the driver does not tell, it refuses by itself.
        if let (Ok(own), Ok(peer)) = (channels(receiving)?, channels(sending)?)
            && own.receive < peer.transmit
        {
            return Err(too_few_queues(&ends[receiving], own.receive, &ends[sending], peer.transmit));
        }
    }
    Ok(())
}

// include/uapi/linux/if_link.h
const IFLA_XDP: u16 = 43;
/// IFLA_XDP_PROG_ID, and those by mode where there are several.
const IFLA_XDP_IDS: std::ops::RangeInclusive<u16> = 4..=7;

/// Id of an XDP program on a device of the calling thread's namespace.
fn program_on(ifindex: u32) -> io::Result<Option<u32>> {
    let links = Rtnetlink::open()?.list(RouteNetlinkMessage::GetLink(LinkMessage::default()), |payload| {
        let (header, attributes) = payload.split_at_checked(16)?;
        let index = number(header.get(4..)?);
        (index == ifindex).then(|| program_among(attributes))?
    })?;
    Ok(links.first().copied())
}

fn program_among(attributes: &[u8]) -> Option<u32> {
    let xdp = each(attributes).find(|attribute| attribute.kind() == IFLA_XDP)?;
    each(xdp.value()).find(|part| IFLA_XDP_IDS.contains(&part.kind())).map(|part| number(part.value()))
}

fn each(attributes: &[u8]) -> impl Iterator<Item = NlaBuffer<&[u8]>> {
    NlasIterator::new(attributes).filter_map(Result::ok)
}

fn number(value: &[u8]) -> u32 {
    value.first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes))
}

fn occupied(end: &End, id: u32) -> anyhow::Error {
    let name = programs::name_of(id).map_or_else(String::new, |name| format!(" ({name})"));
    let label = end.label();
    anyhow!("{label} has XDP program {id}{name}, and a device takes one; use --hook tc, or stop what put it there")
}

fn too_few_queues(end: &End, receive: u32, peer: &End, transmit: u32) -> anyhow::Error {
    let (end, peer) = (end.label(), peer.label());
    anyhow!(
        "{end} has {receive} receive queues for the {transmit} transmit queues of {peer}, and its driver takes an XDP program \
         only where there are as many; ethtool -L {end} rx {transmit}, or use --xdp-mode generic"
    )
}

/// Runs in the namespace of the end.
pub(super) fn attach(loaded: &mut Loaded, index: usize, ends: &[End; 2], generic: bool) -> Result<Hook> {
    let (end, peer) = (&ends[index], &ends[1 - index]);
    let mode = if generic { XdpMode::Skb } else { XdpMode::Driver };
    match attach_one(loaded.xdp(index, false)?, index, end, mode) {
        // Frames of this MTU do not fit into one piece. The generic mode has no such limit: it copies them into one.
        Err(error) if !generic && raw(&error) == Some(libc::ERANGE) => {
            attach_one(loaded.xdp(index, true)?, index, end, mode)
        }
        attached => attached,
    }
    .map_err(|error| explain(error, end, peer))
}

fn attach_one(program: &mut Xdp, index: usize, end: &End, mode: XdpMode) -> Result<Hook> {
    let number = program.info()?.id();
    let id = program.attach_to_if_index(end.ifindex, mode)?;
    // Where there are no links, aya attaches by netlink, and that would outlive us.
    let Some(file) = LinkFile::find(&[("prog_id", number), ("ifindex", end.ifindex)]) else {
        program.detach(id)?;
        return Err(Fault::unavailable("this kernel has no links for XDP programs, which came with Linux 5.9")
            .fix("--hook tc")
            .into());
    };
    Ok(Hook { end: index, _link: program.take_link(id)?, file })
}

fn raw(error: &anyhow::Error) -> Option<i32> {
    error.downcast_ref::<ProgramError>().and_then(code)
}

fn explain(error: anyhow::Error, end: &End, peer: &End) -> anyhow::Error {
    let label = end.label();
    match raw(&error) {
        Some(libc::EPERM) => features::missing_privilege("attach XDP programs to a device").into(),
        Some(libc::EBUSY | libc::EEXIST) => {
            anyhow!("{label} has an XDP program, and a device takes one; use --hook tc, or stop what put it there")
        }
        Some(libc::ENOSPC) => anyhow!(
            "{label} has fewer receive queues than {} has transmit queues, and so its driver takes no XDP program; add \
             some with ethtool -L, or use --xdp-mode generic",
            peer.label()
        ),
        Some(libc::ENOTCONN) => Fault::not_found(format!("the peer of {label} is gone")).into(),
        _ => error,
    }
}
