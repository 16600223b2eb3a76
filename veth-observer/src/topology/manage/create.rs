//! Making a pair: both ends in one request, then addresses, then up.

use std::{io, os::fd::AsFd, os::fd::AsRawFd, time::Duration};

use anyhow::{Result, anyhow};
use netlink_packet_route::{
    address::AddressAttribute,
    link::{InfoData, InfoVeth, LinkAttribute, LinkMessage},
};
use rtnetlink::{LinkMessageBuilder, LinkUnspec, LinkVeth};

use super::{Made, refused, set_up, spec::EndSpec, spec::PairSpec};
use crate::{
    fault::Fault,
    model::link::{End, Pair},
    topology::{
        connection::{Connection, errno, io_error},
        device::Device,
    },
};

/// How often and how far apart to look for the carrier: half a second in all, and linkwatch takes a tenth.
const LOOKS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(10);

/// Makes the pair. If anything fails, no part of it stays.
///
/// The specification is taken as checked, see [`check_name`](super::check_name) and its neighbours.
pub async fn create(spec: &PairSpec) -> Result<Made> {
    let connections =
        [Connection::open(&spec.ends[0].namespace)?, Connection::open(&spec.ends[1].namespace)?];
    if let Err(error) = connections[0].link().add(request(spec)).execute().await.map_err(io_error) {
        return Err(explain(&error, spec, &connections).await);
    }
    let made = made(spec, &connections).await?;
    for ((end, connection), ifindex) in spec.ends.iter().zip(&connections).zip(indexes(&made.pair)) {
        add_addresses(end, connection, ifindex).await?;
    }
    if !spec.up {
        return Ok(made);
    }
    for ((end, connection), ifindex) in spec.ends.iter().zip(&connections).zip(indexes(&made.pair)) {
        let what = format!("cannot bring {} up", end.name);
        set_up(connection, ifindex).await.map_err(|error| refused(&error, &what))?;
    }
    settled(made, spec, &connections).await
}

fn indexes(pair: &Pair) -> [u32; 2] {
    [pair.ends[0].ifindex, pair.ends[1].ifindex]
}

/// The one request for both ends. Bringing the peer up in it would fail with ENOTCONN, since drivers/net/veth.c
/// configures it before the two are tied.
fn request(spec: &PairSpec) -> LinkMessage {
    let [first, second] = &spec.ends;
    let peer = describe(LinkMessageBuilder::<LinkUnspec>::new().name(&second.name), second, spec).build();
    describe(LinkVeth::new(&first.name, &second.name), first, spec)
        .set_info_data(InfoData::Veth(InfoVeth::Peer(peer)))
        .build()
}

fn describe<T>(mut message: LinkMessageBuilder<T>, end: &EndSpec, spec: &PairSpec) -> LinkMessageBuilder<T> {
    message = message.setns_by_fd(end.namespace.as_fd().as_raw_fd());
    if let Some(mtu) = spec.mtu {
        message = message.mtu(mtu);
    }
    if let Some(mac) = end.mac {
        message = message.address(mac.0.to_vec());
    }
    if let Some(queues) = spec.queues {
        message = message
            .append_extra_attribute(LinkAttribute::NumRxQueues(queues))
            .append_extra_attribute(LinkAttribute::NumTxQueues(queues));
    }
    message
}

/// Why the kernel refused. It says EEXIST without saying which of the two names.
async fn explain(error: &io::Error, spec: &PairSpec, connections: &[Connection; 2]) -> anyhow::Error {
    let names = spec.ends.iter().map(|end| end.name.as_str()).collect::<Vec<_>>().join(" and ");
    if error.raw_os_error() == Some(errno::EEXIST) {
        for (end, connection) in spec.ends.iter().zip(connections) {
            if connection.link_by_name(&end.name).await.is_ok() {
                return anyhow!("there is already an interface {} in netns {}", end.name, end.namespace.id);
            }
        }
    }
    if error.raw_os_error() == Some(errno::EOPNOTSUPP) {
        return Fault::unavailable(format!("cannot make {names}: this kernel has no veth devices"))
            .fix("sudo modprobe veth")
            .into();
    }
    refused(error, &format!("cannot make {names}"))
}

/// The guard of the new pair; armed before anything else is asked.
async fn made(spec: &PairSpec, connections: &[Connection; 2]) -> Result<Made> {
    let [first, second] = &spec.ends;
    let namespaces = [first.namespace.clone(), second.namespace.clone()];
    let gone = |name: &str, error: &io::Error| anyhow!("{name} went away as soon as it was made: {error}");
    let one = end(first, &connections[0]).await.map_err(|error| gone(&first.name, &error))?;
    let blank =
        End { ifname: Some(second.name.clone()), netns: second.namespace.id.clone(), ..End::default() };
    let mut made = Made::new(Pair { ends: [one, blank] }, namespaces);
    made.pair.ends[1] = end(second, &connections[1]).await.map_err(|error| gone(&second.name, &error))?;
    Ok(made)
}

async fn end(spec: &EndSpec, connection: &Connection) -> io::Result<End> {
    let message = connection.link_by_name(&spec.name).await?;
    Ok(Device::from(&message).end(spec.namespace.id.clone()))
}

/// The pair once the kernel has noticed that both ends have a carrier (net/core/link_watch.c), which it does a little
/// after they are up.
async fn settled(mut made: Made, spec: &PairSpec, connections: &[Connection; 2]) -> Result<Made> {
    for _ in 0..LOOKS {
        made = refreshed(made, spec, connections).await?;
        if made.pair.ends.iter().all(|end| end.operstate.as_deref() == Some("up")) {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(made)
}

async fn refreshed(mut made: Made, spec: &PairSpec, connections: &[Connection; 2]) -> Result<Made> {
    for (at, connection) in connections.iter().enumerate() {
        let message = connection.link_by_index(made.pair.ends[at].ifindex).await?;
        made.pair.ends[at] = Device::from(&message).end(spec.ends[at].namespace.id.clone());
    }
    Ok(made)
}

async fn add_addresses(end: &EndSpec, connection: &Connection, ifindex: u32) -> Result<()> {
    for address in &end.addrs {
        let mut request = connection.address().add(ifindex, address.ip, address.prefix);
        // rtnetlink adds a broadcast address unasked; `ip` does not.
        request.message_mut().attributes.retain(|it| !matches!(it, AddressAttribute::Broadcast(_)));
        let done = request.execute().await.map_err(io_error);
        done.map_err(|error| refused(&error, &format!("cannot add {address} to {}", end.name)))?;
    }
    Ok(())
}
