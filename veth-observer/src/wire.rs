//! Putting a frame on an end.

use std::{
    io, mem,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, send, socket_with};

/// A raw packet socket that only sends: protocol 0 means that it is given nothing to read (packet(7)).
///
/// Frames pass the queueing discipline and the egress programs of the device like all others, because
/// PACKET_QDISC_BYPASS stays off.
#[derive(Debug)]
pub struct PacketSocket {
    fd: OwnedFd,
}

impl PacketSocket {
    /// Opens a socket on a device of the calling thread's network namespace; it then works from anywhere.
    ///
    /// EPERM without CAP_NET_RAW in the user namespace that owns the network namespace, ENODEV when no device
    /// has this index.
    pub fn open(ifindex: u32) -> io::Result<Self> {
        let fd = socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
        let ifindex = i32::try_from(ifindex).map_err(|_| io::Error::from_raw_os_error(libc::ENODEV))?;
        // SAFETY: sockaddr_ll is plain integers, for which zero is a value.
        let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
        address.sll_family = libc::AF_PACKET.unsigned_abs().try_into().map_err(io::Error::other)?;
        address.sll_ifindex = ifindex;
        let len = libc::socklen_t::try_from(size_of_val(&address)).map_err(io::Error::other)?;
        // SAFETY: the pointer and the length describe `address`, which lives until bind has copied it.
        let done = unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), len) };
        if done == 0 { Ok(Self { fd }) } else { Err(io::Error::last_os_error()) }
    }

    /// Sends one whole frame, from the destination MAC on.
    ///
    /// ENETDOWN when the device is down, EMSGSIZE when the frame exceeds the MTU, ENOBUFS when the device or its
    /// queueing discipline dropped it, ENXIO when the device is gone.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        // A packet socket takes a frame whole or not at all.
        send(&self.fd, frame, SendFlags::empty())?;
        Ok(())
    }
}

/// For options that a caller wants to set.
impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
