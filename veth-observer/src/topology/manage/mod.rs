//! Making and removing pairs.

mod create;
mod declared;
mod delete;
mod dry_run;
mod keeper;
mod made;
mod spec;

pub use create::create;
pub use declared::{Declared, DeclaredEnd};
pub use delete::delete;
pub use dry_run::commands;
pub use keeper::Keeper;
pub use made::Made;
pub use spec::{Address, EndSpec, PairSpec, check_mtu, check_name, check_queues, unicast_mac};

use std::io;

use anyhow::anyhow;

use super::connection::{Connection, errno};
use crate::fault::Fault;

async fn set_up(connection: &Connection, ifindex: u32) -> io::Result<()> {
    let message = rtnetlink::LinkUnspec::new_with_index(ifindex).up().build();
    connection.link().set(message).execute().await.map_err(super::connection::io_error)
}

/// A missing privilege as a fault with its fix, anything else as it is.
fn refused(error: &io::Error, what: &str) -> anyhow::Error {
    if error.raw_os_error() == Some(errno::EPERM) {
        return Fault::denied(format!("{what}: it needs CAP_NET_ADMIN")).into();
    }
    anyhow!("{what}: {}", reason(error))
}

/// The system's words for an error, without its number.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}
