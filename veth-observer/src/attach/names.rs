//! Names of devices, which is what aya wants to be told.

use anyhow::{Context, Result};
use rustix::net::{AddressFamily, SocketType, netdevice, socket};

/// Whether the calling thread's namespace has a device of this index.
pub fn is_there(ifindex: u32) -> bool {
    interface_name(ifindex).is_ok()
}

/// What a device of the calling thread's namespace is called.
pub(super) fn interface_name(ifindex: u32) -> Result<String> {
    let socket = socket(AddressFamily::UNIX, SocketType::DGRAM, None)?;
    netdevice::index_to_name(&socket, ifindex)
        .with_context(|| format!("the device with ifindex {ifindex} is gone"))
}
