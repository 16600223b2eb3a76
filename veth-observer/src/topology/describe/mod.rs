//! Everything the kernel says about one device.

mod bridge_port;
mod filters;
mod link;

use std::io;

use anyhow::{Result, anyhow};

use super::connection::{Connection, errno};
use crate::{
    fault::Fault,
    model::{
        device::{Device, Program},
        link::End,
    },
    netns::Namespace,
};

/// Describes one end of a pair, and names the BPF filters on its clsact qdisc.
///
/// An end that went away is [`Kind::NotFound`](crate::fault::Kind::NotFound).
pub async fn describe(end: &End, namespace: &Namespace) -> Result<(Device, Vec<Program>)> {
    let connection = Connection::open(namespace)?;
    let message = connection.link_by_index(end.ifindex).await.map_err(|error| went(end, &error))?;
    let mut device = link::device(&message);
    if let Some(index) = link::peer_here(&message)
        && let Ok(peer) = connection.link_by_index(index).await
    {
        link::add_peer(&mut device, &peer);
    }
    if let Some(index) = link::master(&message)
        && let Ok(master) = connection.link_by_index(index).await
    {
        device.master = Some(super::device::Device::from(&master).ifname);
    }
    let filters = filters::on(&connection, end.ifindex).await;
    Ok((device, filters))
}

fn went(end: &End, error: &io::Error) -> anyhow::Error {
    if error.raw_os_error() == Some(errno::ENODEV) {
        let message = format!("{} went away while we looked", end.label());
        return Fault::not_found(message).fix("veth-observer list").into();
    }
    anyhow!("cannot read {}: {error}", end.label())
}
