//! rtnetlink connections. A socket belongs to the namespace it was opened in, for good, and may be used from anywhere.

use std::{io, ops::Deref, os::fd::AsFd, os::fd::AsRawFd};

use anyhow::{Context, Result};
use futures_util::{Stream, StreamExt, TryStreamExt};
use netlink_packet_core::{NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    link::{LinkAttribute, LinkExtentMask, LinkMessage},
    nsid::{NsidAttribute, NsidMessage},
};
use rtnetlink::{Handle, MulticastGroup};
use tokio::task::JoinHandle;

use crate::netns::Namespace;

/// A connection to the kernel in one namespace; closed when dropped.
#[derive(Debug)]
pub struct Connection {
    handle: Handle,
    task: JoinHandle<()>,
}

impl Connection {
    /// Opens a connection inside `namespace`. Must be called on the runtime.
    pub fn open(namespace: &Namespace) -> Result<Self> {
        let runtime = tokio::runtime::Handle::current();
        let opened = namespace.run(|| {
            let _runtime = runtime.enter();
            rtnetlink::new_connection()
        })?;
        let (connection, handle, _) = opened.context("cannot open a netlink socket")?;
        Ok(Self { handle, task: tokio::spawn(connection) })
    }

    /// Like [`Self::open`], with a stream that yields something whenever a link of the namespace may have changed.
    pub fn listen(namespace: &Namespace) -> Result<(Self, impl Stream<Item = ()> + Unpin + Send + use<>)> {
        let runtime = tokio::runtime::Handle::current();
        let opened = namespace.run(|| {
            let _runtime = runtime.enter();
            rtnetlink::new_multicast_connection(&[MulticastGroup::Link])
        })?;
        let (connection, handle, events) = opened.context("cannot open a netlink socket")?;
        Ok((Self { handle, task: tokio::spawn(connection) }, events.map(|_| ())))
    }

    /// All links of the namespace, without their counters.
    pub async fn links(&self) -> io::Result<Vec<LinkMessage>> {
        let mask = vec![LinkExtentMask::SkipStats];
        let request = self.link().get().set_filter_mask(AddressFamily::Unspec, mask);
        request.execute().try_collect().await.map_err(io_error)
    }

    /// One link with everything the kernel says about it.
    pub async fn link_by_index(&self, ifindex: u32) -> io::Result<LinkMessage> {
        first(self.link().get().match_index(ifindex).execute()).await
    }

    /// One link by name or alternative name.
    pub async fn link_by_name(&self, name: &str) -> io::Result<LinkMessage> {
        first(self.link().get().match_name(name).execute()).await
    }

    /// One link of the namespace that is called `nsid` here, without entering it. Needs CAP_NET_ADMIN.
    pub async fn link_of_nsid(&self, nsid: i32, ifindex: u32) -> io::Result<LinkMessage> {
        let mut request = self.link().get().match_index(ifindex);
        request.message_mut().attributes.push(LinkAttribute::IfNetnsId(nsid));
        first(request.execute()).await
    }

    /// What another namespace is called in this one; none when it has no number here.
    pub async fn nsid_of(&self, namespace: &Namespace) -> io::Result<Option<i32>> {
        let fd = namespace.as_fd().as_raw_fd();
        self.nsid(NsidAttribute::Fd(u32::try_from(fd).map_err(io::Error::other)?)).await
    }

    /// What the namespace of a process is called in this one; none when it has no number here. Needs no privilege.
    pub async fn nsid_of_pid(&self, pid: u32) -> io::Result<Option<i32>> {
        self.nsid(NsidAttribute::Pid(pid)).await
    }

    async fn nsid(&self, of: NsidAttribute) -> io::Result<Option<i32>> {
        let mut message = NsidMessage::default();
        message.attributes.push(of);
        let mut request = NetlinkMessage::from(RouteNetlinkMessage::GetNsId(message));
        request.header.flags = NLM_F_REQUEST;
        let mut answers = self.handle.clone().request(request).map_err(io_error)?;
        let mut nsid = None;
        while let Some(answer) = answers.next().await {
            match answer.payload {
                NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewNsId(message)) => {
                    nsid = message.attributes.iter().find_map(|attribute| match attribute {
                        // -1: no number here, <linux/net_namespace.h> NETNSA_NSID_NOT_ASSIGNED.
                        NsidAttribute::Id(id) if *id >= 0 => Some(*id),
                        _ => None,
                    });
                }
                NetlinkPayload::Error(error) => return Err(error.to_io()),
                _ => {}
            }
        }
        Ok(nsid)
    }
}

impl Deref for Connection {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn first(
    answers: impl Stream<Item = Result<LinkMessage, rtnetlink::Error>>,
) -> io::Result<LinkMessage> {
    let mut answers = std::pin::pin!(answers);
    match answers.next().await {
        Some(answer) => answer.map_err(io_error),
        None => Err(io::ErrorKind::NotFound.into()),
    }
}

/// The kernel's error number, where there is one.
pub(super) fn io_error(error: rtnetlink::Error) -> io::Error {
    match error {
        rtnetlink::Error::NetlinkError(message) => message.to_io(),
        other => io::Error::other(other.to_string()),
    }
}

/// The error numbers that mean something here, include/uapi/asm-generic/errno-base.h.
pub(super) mod errno {
    pub(in crate::topology) const EPERM: i32 = 1;
    pub(in crate::topology) const EEXIST: i32 = 17;
    pub(in crate::topology) const ENODEV: i32 = 19;
    /// include/uapi/asm-generic/errno.h.
    pub(in crate::topology) const EOPNOTSUPP: i32 = 95;
}
