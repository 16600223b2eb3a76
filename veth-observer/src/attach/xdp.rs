//! XDP links (Linux 5.9) at the ends: one program a device, so that another one in place is never touched.

use std::io;

use anyhow::{Result, anyhow};
use netlink_packet_core::{NlaBuffer, NlasIterator};
use netlink_packet_route::{RouteNetlinkMessage, link::LinkMessage};

use super::{links::Link, programs, rtnetlink::Rtnetlink};
use crate::{
    ethtool::{self, Channels},
    fault::Fault,
    kernel::{Loaded, features},
    model::link::End,
    netns::Namespace,
};

/// One program on one end; the kernel takes it off when this is dropped. It keeps no namespace alive.
#[derive(Debug)]
pub(super) struct Hook {
    pub(super) end: usize,
    link: Link,
}

impl Hook {
    /// Whether it is on a device still.
    pub(super) fn is_on(&self) -> bool {
        self.link.ifindex().is_some()
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
pub(super) fn check(ends: &[End; 2], namespaces: [&Namespace; 2], generic: bool) -> Result<()> {
    if !generic && !features::has_xdp_load_bytes()? {
        return Err(Fault::unavailable(
            "native XDP takes Linux 5.18, which can show a program a frame in pieces",
        )
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
    let channels = |at: usize| namespaces[at].run(|| ethtool::channels(ends[at].ifindex));
    for (receiving, sending) in [(0, 1), (1, 0)] {
        // Where the driver does not tell, it refuses by itself.
        if let (Ok(own), Ok(peer)) = (channels(receiving)?, channels(sending)?)
            && own.receive < peer.transmit
        {
            return Err(too_few_queues(&ends[receiving], own, &ends[sending], peer.transmit));
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
    anyhow!(
        "{label} has XDP program {id}{name}, and a device takes one; use --hook tc, or stop what put it there"
    )
}

fn too_few_queues(end: &End, own: Channels, peer: &End, transmit: u32) -> anyhow::Error {
    let (end, peer, receive) = (end.label(), peer.label(), own.receive);
    let fix = if own.most_receive < transmit {
        format!("ethtool -L {peer} tx {receive}")
    } else {
        format!("ethtool -L {end} rx {transmit}")
    };
    let queues = if receive == 1 { "queue" } else { "queues" };
    anyhow!(
        "{end} has {receive} receive {queues} for the {transmit} transmit queues of {peer}, and its driver takes an XDP \
         program only where there are as many; {fix}, or use --xdp-mode generic"
    )
}

/// Runs in the namespace of the end.
pub(super) fn attach(loaded: &mut Loaded, index: usize, ends: &[End; 2], generic: bool) -> Result<Hook> {
    let (end, peer) = (&ends[index], &ends[1 - index]);
    let mode = if generic { GENERIC } else { NATIVE };
    let mut create = |frags: bool| -> Result<io::Result<Link>> {
        Ok(Link::create(loaded.xdp(index, frags)?.fd()?, end.ifindex, XDP, mode))
    };
    let link = match create(false)? {
        // Frames of this MTU do not fit into one piece. The generic mode has no such limit: it copies them into one, and a
        // program for several would there spoil frames for the hooks behind it.
        Err(error) if !generic && error.raw_os_error() == Some(libc::ERANGE) => create(true)?,
        link => link,
    };
    match link {
        Ok(link) => Ok(Hook { end: index, link }),
        Err(error) => Err(explain(error, end, peer)),
    }
}

// include/uapi/linux/bpf.h and if_link.h
const XDP: u32 = 37;
const GENERIC: u32 = 1 << 1;
const NATIVE: u32 = 1 << 2;

fn explain(error: io::Error, end: &End, peer: &End) -> anyhow::Error {
    let label = end.label();
    match error.raw_os_error() {
        // kernel/bpf/syscall.c does not know links of this kind.
        Some(libc::EINVAL) => {
            Fault::unavailable("this kernel has no links for XDP programs, which came with Linux 5.9")
                .fix("--hook tc")
                .into()
        }
        Some(libc::EPERM) => features::missing_privilege("attach XDP programs to a device").into(),
        Some(libc::EBUSY | libc::EEXIST) => {
            anyhow!(
                "{label} has an XDP program, and a device takes one; use --hook tc, or stop what put it there"
            )
        }
        Some(libc::ENOSPC) => anyhow!(
            "{label} has fewer receive queues than {} has transmit queues, and so its driver takes no XDP program; add \
             some with ethtool -L, or use --xdp-mode generic",
            peer.label()
        ),
        Some(libc::ENOTCONN) => Fault::not_found(format!("the peer of {label} is gone")).into(),
        _ => error.into(),
    }
}
