//! A pair that goes away with the value that stands for it, unless it is kept.

use std::io;

use anyhow::{Context, Result};
use netlink_packet_core::{NLM_F_ACK, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::{RouteNetlinkMessage, link::LinkMessage};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use crate::{
    model::link::Pair,
    netns::Namespace,
    topology::{Selected, connection::errno},
};

/// A pair we made; dropping it deletes the pair.
#[derive(Debug)]
pub struct Made {
    pub pair: Pair,
    /// Namespace of each end, in the order of `pair.ends`.
    pub namespaces: [Namespace; 2],
    armed: bool,
}

impl Made {
    pub(super) fn new(pair: Pair, namespaces: [Namespace; 2]) -> Self {
        Self { pair, namespaces, armed: true }
    }

    /// Leaves the pair to the user.
    pub fn keep(mut self) -> Pair {
        self.armed = false;
        self.pair.clone()
    }

    /// Deletes the pair now, and says whether that worked.
    pub fn delete(mut self) -> Result<()> {
        self.armed = false;
        self.remove()
    }

    /// The pair as one that was selected by its first end.
    pub fn selected(&self) -> Selected {
        Selected { pair: self.pair.clone(), namespaces: self.namespaces.clone() }
    }

    fn remove(&self) -> Result<()> {
        let ifindex = self.pair.ends[0].ifindex;
        self.namespaces[0].run(|| delete_link(ifindex))?.context("cannot delete the pair")
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        if self.armed
            && let Err(error) = self.remove()
        {
            tracing::warn!("{} is left behind: {error:#}", self.pair.ends[0].label());
        }
    }
}

/// Deletes a link of the calling thread's namespace, waiting for the kernel without a runtime: a destructor runs
/// wherever it happens to, also in a panic.
pub(super) fn delete_link(ifindex: u32) -> io::Result<()> {
    let mut message = LinkMessage::default();
    message.header.index = ifindex;
    let mut request = NetlinkMessage::from(RouteNetlinkMessage::DelLink(message));
    request.header.flags = NLM_F_REQUEST | NLM_F_ACK;
    request.finalize();
    let mut bytes = vec![0; request.buffer_len()];
    request.serialize(&mut bytes);
    let socket = Socket::new(NETLINK_ROUTE)?;
    socket.connect(&SocketAddr::new(0, 0))?;
    socket.send(&bytes, 0)?;
    let (answer, _) = socket.recv_from_full()?;
    let answer = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&answer).map_err(io::Error::other)?;
    match answer.payload {
        // Gone already is as good as deleted.
        NetlinkPayload::Error(error) if error.code.is_some() => match error.to_io() {
            error if error.raw_os_error() == Some(errno::ENODEV) => Ok(()),
            error => Err(error),
        },
        _ => Ok(()),
    }
}
