//! Which words of the control block are ours: two observers on one pair must not write over each other's stamps.

use std::{
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
};

use anyhow::{Result, bail};
use veth_observer_common::settings::LANES;

use crate::{model::link::End, netns::Namespace};

/// A lane of the control block, ours on both ends of a pair as long as this lives.
///
/// The claim is an abstract unix socket in the namespace of each end: the kernel makes it exclusive, shows it to every
/// observer that can enter the namespace, and drops it with the process, SIGKILL included. An end that moves to another
/// namespace leaves its claim behind.
#[derive(Debug)]
pub struct Lane {
    pub index: usize,
    _claims: [UnixDatagram; 2],
}

impl Lane {
    /// Takes the first lane that is free on both ends.
    pub fn claim(ends: &[End; 2], namespaces: &[Namespace; 2]) -> Result<Self> {
        for index in 0..LANES.len() {
            let Some(first) = claim_end(index, &ends[0], &namespaces[0])? else { continue };
            let Some(second) = claim_end(index, &ends[1], &namespaces[1])? else { continue };
            return Ok(Self { index, _claims: [first, second] });
        }
        bail!(
            "{} observers are already on {} and {}, which is as many as a pair can carry; stop one of them",
            LANES.len(),
            ends[0].label(),
            ends[1].label()
        )
    }
}

fn claim_end(lane: usize, end: &End, namespace: &Namespace) -> Result<Option<UnixDatagram>> {
    let name = format!("veth-observer/ifindex{}/lane{lane}", end.ifindex);
    let address = SocketAddr::from_abstract_name(name)?;
    match namespace.run(|| UnixDatagram::bind_addr(&address))? {
        Ok(socket) => Ok(Some(socket)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(None),
        Err(error) => Err(error.into()),
    }
}
