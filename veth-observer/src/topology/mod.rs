//! Which veth pairs exist, and making and removing them. Everything here is rtnetlink.

mod changes;
mod connection;
mod describe;
mod device;
mod follow;
pub mod manage;
mod pairing;
mod select;
mod selector;
mod snapshot;

pub use connection::Connection;
pub use describe::describe;
pub use follow::Follower;
pub use select::{Found, Selected, find, select};
pub use selector::{EndSelector, Selector};
pub use snapshot::{Sighting, Snapshot};

use anyhow::Result;

use crate::{
    model::link::{End, Pair},
    netns::Namespace,
};

/// All pairs of the machine, as far as the caller may see, and the number of namespaces that could not be looked into.
pub async fn list() -> Result<(Vec<Pair>, usize)> {
    let snapshot = Snapshot::take().await?;
    let pairs = snapshot.pairs().into_iter().map(|sighting| sighting.pair).collect();
    Ok((pairs, snapshot.unseen()))
}

/// One end as it is now.
pub async fn end(namespace: &Namespace, ifindex: u32) -> Result<End> {
    let message = Connection::open(namespace)?.link_by_index(ifindex).await?;
    Ok(device::Device::from(&message).end(namespace.id.clone()))
}
