//! The sending end: what fits on it, the socket on it, and what its errors mean.

use std::io;

use anyhow::{Result, anyhow};

use crate::{
    cli::output, fault::Fault, frame::craft::longest, model::link::End, topology::Selected, view::escape,
    wire::PacketSocket,
};

/// A frame that is longer than the device takes is refused before anything is sent.
pub(super) fn fits(frame: &[u8], sender: &End) -> Result<(), Fault> {
    match sender.mtu.map(|mtu| longest(mtu, frame)) {
        Some(most) if frame.len() > most => Err(Fault::usage(format!(
            "a frame of {} bytes is too long for {}, which takes {most} (its MTU and the Ethernet header)",
            frame.len(),
            escape::name(&sender.label())
        ))),
        _ => Ok(()),
    }
}

/// A socket on the sending end, opened inside its namespace.
pub(in crate::cli) fn open(selected: &Selected, from: usize) -> Result<PacketSocket> {
    let sender = &selected.pair.ends[from];
    selected.namespaces[from]
        .run(|| PacketSocket::open(sender.ifindex))?
        .map_err(|error| explain(error, sender))
}

/// The kernel takes frames to a peer that is down without a word: the end that sends has no carrier, so no queue either.
pub(super) fn note_if_down(receiver: &End) {
    if receiver.operstate.as_deref() == Some("down") {
        output::note(format!("{} is down: no frame will arrive", escape::name(&receiver.label())));
    }
}

/// What an error of the packet socket means for the person who typed the command.
pub(in crate::cli) fn explain(error: io::Error, sender: &End) -> anyhow::Error {
    let label = sender.label();
    let name = escape::name(&label);
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            Fault::denied(format!("sending on {name} needs the capability CAP_NET_RAW")).into()
        }
        Some(libc::ENETDOWN) => {
            anyhow!("{name} ({}) is down; bring it up with: ip link set {name} up", sender.netns)
        }
        Some(libc::ENODEV | libc::ENXIO) => Fault::not_found(format!("{name} is gone")).into(),
        Some(libc::EMSGSIZE) => anyhow!("{name} refused the frame: it is longer than the MTU allows"),
        _ => anyhow::Error::new(error).context(format!("cannot send on {name}")),
    }
}

/// What is said when the device took nothing.
pub(super) fn dropped_all(sender: &End) -> anyhow::Error {
    let label = sender.label();
    anyhow!(
        "{} dropped every frame on the way out: its queue is full or its peer is down",
        escape::name(&label)
    )
}
