//! How many queues of a device are in use; netlink tells how many there could be.

use std::{ffi::c_void, io};

use rustix::{
    ioctl::{Opcode, Updater, ioctl},
    net::{AddressFamily, SocketType, socket},
};

use super::names::interface_name;

// include/uapi/linux/sockios.h and ethtool.h
const SIOCETHTOOL: Opcode = 0x8946;
const ETHTOOL_GCHANNELS: u32 = 0x3c;

/// Queues in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Channels {
    pub(super) receive: u32,
    pub(super) transmit: u32,
    /// As many receive queues as there could be.
    pub(super) most_receive: u32,
}

/// struct ethtool_channels: the question, four limits, four counts.
type Answer = [u32; 9];

/// struct ifreq with `ifr_data`.
#[repr(C)]
struct Request {
    name: [u8; 16],
    data: *mut c_void,
    rest: [u8; 16],
}

impl Channels {
    /// Of a device of the calling thread's network namespace.
    pub(super) fn read(ifindex: u32) -> io::Result<Self> {
        let ifname = interface_name(ifindex).map_err(io::Error::other)?;
        let mut answer: Answer = [ETHTOOL_GCHANNELS, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut request = Request { name: [0; 16], data: answer.as_mut_ptr().cast(), rest: [0; 16] };
        for (to, from) in request.name.iter_mut().take(15).zip(ifname.bytes()) {
            *to = from;
        }
        let socket = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
        // SAFETY: the request is a `struct ifreq` for this call, and its pointer leads to `answer`, which outlives it and has
        // the size of what the kernel writes.
        unsafe { ioctl(&socket, Updater::<SIOCETHTOOL, Request>::new(&mut request))? };
        let [_, most_receive, _, _, _, receive, transmit, _, combined] = answer;
        Ok(Self { receive: receive + combined, transmit: transmit + combined, most_receive })
    }
}
