//! A pair that shall be there, and what is there in its place.

use anyhow::Result;
use futures_util::TryStreamExt;
use netlink_packet_route::{
    address::AddressAttribute,
    link::{LinkAttribute, LinkFlags, LinkMessage},
};
use rtnetlink::LinkUnspec;

use super::{Address, EndSpec, PairSpec, create, refused, set_up};
use crate::{
    model::mac::Mac,
    netns::Namespace,
    topology::{
        connection::{Connection, errno, io_error},
        device::Device,
    },
};

/// What a pair shall be. Namespaces are named, not held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    pub ends: [DeclaredEnd; 2],
    /// Bytes, for both ends; none for whatever it is.
    pub mtu: Option<u32>,
    /// Receive and transmit queues of both ends; none for whatever they are.
    pub queues: Option<u32>,
    pub up: bool,
    /// Whether it goes with us, if we made it.
    pub remove_at_exit: bool,
}

/// One end of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredEnd {
    pub name: String,
    /// As for [`Namespace::by_name`]; none for our own.
    pub netns: Option<String>,
    pub addresses: Vec<Address>,
    pub mac: Option<Mac>,
}

/// What was found where a pair shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    /// Both ends, with their indexes.
    Pair {
        indexes: [u32; 2],
        /// Whether the mark says that we made it.
        is_ours: bool,
        /// What is not as declared.
        difference: Option<String>,
    },
    /// Something else has a name of it.
    Other(String),
}

impl Declared {
    /// What we write into the alias (`ip link set … alias`) of both ends of a pair that we make: it survives us, and nobody
    /// else writes it by accident.
    fn mark(&self) -> String {
        let [first, second] = &self.ends;
        format!("veth-observer: declared pair {} {}", first.name, second.name)
    }

    /// Makes it, marked before it is up. If anything fails, no part of it stays.
    pub(super) async fn make(&self, namespaces: &[Namespace; 2]) -> Result<()> {
        let end = |at: usize| EndSpec {
            name: self.ends[at].name.clone(),
            namespace: namespaces[at].clone(),
            addrs: self.ends[at].addresses.clone(),
            mac: self.ends[at].mac,
        };
        let spec = PairSpec { ends: [end(0), end(1)], mtu: self.mtu, queues: self.queues, up: false };
        let made = create(&spec).await?;
        let connections = [Connection::open(&namespaces[0])?, Connection::open(&namespaces[1])?];
        for (end, connection) in made.pair.ends.iter().zip(&connections) {
            let mark = LinkUnspec::new_with_index(end.ifindex)
                .append_extra_attribute(LinkAttribute::IfAlias(self.mark()))
                .build();
            let marked = connection.link().set(mark).execute().await.map_err(io_error);
            marked.map_err(|error| refused(&error, &format!("cannot mark {} as ours", end.label())))?;
        }
        for (end, connection) in made.pair.ends.iter().zip(&connections).filter(|_| self.up) {
            let what = format!("cannot bring {} up", end.label());
            set_up(connection, end.ifindex).await.map_err(|error| refused(&error, &what))?;
        }
        made.keep();
        Ok(())
    }

    pub(super) async fn look(&self, namespaces: &[Namespace; 2]) -> Result<Found> {
        let connections = [Connection::open(&namespaces[0])?, Connection::open(&namespaces[1])?];
        let mut links = [None, None];
        for at in 0..2 {
            links[at] = self.link(at, &connections[at]).await?;
        }
        let [first, second] = match links {
            [None, None] => return Ok(Found::Nothing),
            [Some(first), Some(second)] => [first, second],
            [there, _] => {
                let at = usize::from(there.is_none());
                let [there, missing] = [&self.ends[at].name, &self.ends[1 - at].name];
                return Ok(Found::Other(format!("there is a {there} without {missing}")));
            }
        };
        let links = [first, second];
        let devices = links.each_ref().map(Device::from);
        let is_peer = async |at: usize| -> Result<bool> {
            let (here, there) = (&devices[at], &devices[1 - at]);
            let nsid = if namespaces[0].same(&namespaces[1]) {
                None
            } else {
                connections[at].nsid_of(&namespaces[1 - at]).await?
            };
            Ok(here.is_veth() && here.link == Some(there.ifindex) && here.nsid == nsid)
        };
        if !is_peer(0).await? || !is_peer(1).await? {
            let [first, second] = &self.ends;
            let message = format!("there are {} and {}, which are no pair", first.name, second.name);
            return Ok(Found::Other(message));
        }
        let mark = self.mark();
        let is_ours = links.iter().all(|link| {
            link.attributes.iter().any(|it| matches!(it, LinkAttribute::IfAlias(alias) if *alias == mark))
        });
        let mut difference = None;
        for at in 0..2 {
            let found = self.difference(at, &links[at], &devices[at], &connections[at]).await?;
            difference = difference.or(found);
        }
        Ok(Found::Pair { indexes: devices.map(|device| device.ifindex), is_ours, difference })
    }

    /// The device that has the name of an end; alternative names are not it.
    async fn link(&self, at: usize, connection: &Connection) -> Result<Option<LinkMessage>> {
        let name = &self.ends[at].name;
        match connection.link_by_name(name).await {
            Ok(link) => Ok(Some(link).filter(|link| Device::from(link).ifname == *name)),
            Err(error) if error.raw_os_error() == Some(errno::ENODEV) => Ok(None),
            Err(error) => Err(refused(&error, &format!("cannot look for {name}"))),
        }
    }

    /// The first thing about an end that is not as declared.
    async fn difference(
        &self,
        at: usize,
        link: &LinkMessage,
        device: &Device,
        connection: &Connection,
    ) -> Result<Option<String>> {
        let end = &self.ends[at];
        let differs = |what: &str| Ok(Some(format!("{} {what}", end.name)));
        if let (Some(wanted), Some(mtu)) = (self.mtu, device.mtu)
            && wanted != mtu
        {
            return differs(&format!("has an MTU of {mtu}, not {wanted}"));
        }
        if let (Some(wanted), Some(mac)) = (end.mac, &device.mac)
            && wanted.to_string() != *mac
        {
            return differs(&format!("has the address {mac}, not {wanted}"));
        }
        for attribute in &link.attributes {
            if let (LinkAttribute::NumTxQueues(queues) | LinkAttribute::NumRxQueues(queues), Some(wanted)) =
                (attribute, self.queues)
                && *queues != wanted
            {
                return differs(&format!("has {queues} queues, not {wanted}"));
            }
        }
        if self.up && !link.header.flags.contains(LinkFlags::Up) {
            return differs("is down");
        }
        if end.addresses.is_empty() {
            return Ok(None);
        }
        let request = connection.address().get().set_link_index_filter(device.ifindex);
        let there: Vec<_> = request.execute().try_collect().await.map_err(io_error)?;
        for wanted in &end.addresses {
            let has = there.iter().any(|address| {
                let is_it = |it: &AddressAttribute| {
                    matches!(it, AddressAttribute::Address(ip) | AddressAttribute::Local(ip) if *ip == wanted.ip)
                };
                address.header.prefix_len == wanted.prefix && address.attributes.iter().any(is_it)
            });
            if !has {
                return differs(&format!("has no address {wanted}"));
            }
        }
        Ok(None)
    }
}
