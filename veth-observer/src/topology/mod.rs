//! Which veth pairs exist, and making and removing them. Everything here is rtnetlink.

mod aliases;
mod among;
mod arrivals;
mod by_owner;
mod changes;
mod connection;
mod describe;
mod device;
mod follow;
mod glob;
mod inhabitants;
pub mod manage;
mod matching;
mod nearness;
mod pairing;
mod scout;
mod select;
mod selector;
mod snapshot;
mod watch;

pub use aliases::{Alias, Aliases};
pub use among::among;
pub use changes::PairKey;
pub use connection::Connection;
pub use describe::describe;
pub use follow::Follower;
pub use scout::{Scout, Seen};
pub use select::{Found, Selected, find, select};
pub use selector::{EndSelector, Scope, Selector};
pub use snapshot::{Sighting, Snapshot};

use anyhow::Result;

use crate::{
    model::link::{End, Owner, Pair},
    netns::{self, Namespace},
    owners::{Home, Owners},
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

/// Who lives in a namespace now.
pub fn owner(namespace: &Namespace) -> Option<Owner> {
    let scan = netns::scan_others();
    let tenants = scan.tenants(namespace);
    let home = Home::new(&namespace.id, tenants).filter(|_| !scan.is_common(namespace))?;
    Owners::default().of(&[(home, tenants)]).pop()?
}
