//! Removing a pair.

use anyhow::Result;

use super::refused;
use crate::{
    fault::Fault,
    topology::{
        Found,
        connection::{Connection, errno, io_error},
    },
};

/// Deletes a pair by the end that was named, or by its other end where only that can be reached.
///
/// A pair that is gone by now is [`Kind::NotFound`](crate::fault::Kind::NotFound).
pub async fn delete(found: &Found) -> Result<()> {
    let reachable = (0..2).find_map(|at| Some((at, found.namespaces[at].as_ref()?)));
    let label = found.pair.ends[0].label();
    let Some((at, namespace)) = reachable else {
        let netns = &found.pair.ends[0].netns;
        let message = format!("cannot delete {label}: cannot enter its namespace, {netns}");
        return Err(Fault::denied(message).into());
    };
    let connection = Connection::open(namespace)?;
    match connection.link().del(found.pair.ends[at].ifindex).execute().await.map_err(io_error) {
        Ok(()) => Ok(()),
        Err(error) if error.raw_os_error() == Some(errno::ENODEV) => {
            Err(Fault::not_found(format!("{label} is gone already")).fix("veth-observer list").into())
        }
        Err(error) => Err(refused(&error, &format!("cannot delete {label}"))),
    }
}
