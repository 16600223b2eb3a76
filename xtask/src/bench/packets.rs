//! Small frames as fast as one CPU can hand them over: by a packet socket, many a system call.

use std::{
    io::IoSlice,
    mem,
    os::fd::{AsRawFd as _, OwnedFd},
};

use anyhow::{Context as _, Result};
use rustix::net::{
    AddressFamily, MMsgHdr, SendAncillaryBuffer, SendFlags, SocketFlags, SocketType,
    netdevice::name_to_index, sendmmsg, socket_with,
};

/// Bytes of a frame, which is a whole datagram of UDP.
const LEN: usize = 64;

/// Frames that are handed over by one system call.
const TURN: usize = 64;

/// What follows the addresses: IPv4 with its checksum, from 10.77.0.1 to 10.77.0.2, and UDP without one.
#[rustfmt::skip]
const HEADERS: [u8; 30] = [
    0x08, 0x00,
    0x45, 0, 0, 50, 0, 0, 0x40, 0, 64, 17, 0x26, 0x1f, 10, 77, 0, 1, 10, 77, 0, 2,
    0x13, 0x89, 0x13, 0x89, 0, 30, 0, 0,
];

/// A socket on a device, and the frame that it sends.
pub(super) struct Sender {
    socket: OwnedFd,
    frame: [u8; LEN],
}

impl Sender {
    /// On a device of the calling thread's network namespace. Frames are for an address that nobody has, so that the far end
    /// throws them away as soon as they have arrived: a sender of this speed leaves nobody the time to read them.
    pub(super) fn open(device: &str) -> Result<Self> {
        let socket = socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
        let ifindex = name_to_index(&socket, device)?;
        // SAFETY: sockaddr_ll is plain integers, for which zero is a value.
        let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
        address.sll_family = u16::try_from(libc::AF_PACKET)?;
        address.sll_ifindex = i32::try_from(ifindex)?;
        let len = libc::socklen_t::try_from(size_of_val(&address))?;
        // SAFETY: the pointer and the length describe `address`, which lives until bind has copied it.
        let done = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), len) };
        if done != 0 {
            return Err(std::io::Error::last_os_error()).context("cannot bind a packet socket");
        }
        let mut frame = [0x5a; LEN];
        frame[..12].copy_from_slice(&[2, 0, 0, 0, 0, 0x0c, 2, 0, 0, 0, 0, 0x0a]);
        frame[12..42].copy_from_slice(&HEADERS);
        Ok(Self { socket, frame })
    }

    /// Sends a turn of frames; says how many the kernel took.
    pub(super) fn send(&self) -> Result<u64> {
        let frame = [IoSlice::new(&self.frame)];
        let mut nothing: [_; TURN] = std::array::from_fn(|_| SendAncillaryBuffer::default());
        let mut frames: Vec<MMsgHdr> =
            nothing.iter_mut().map(|nothing| MMsgHdr::new(&frame, nothing)).collect();
        Ok(sendmmsg(&self.socket, &mut frames, SendFlags::empty()).context("cannot send frames")? as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_is_a_datagram_with_a_true_checksum() {
        let ip = &HEADERS[2..22];
        let sum: u32 = ip.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
        assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff, "{:04x}", 0xffff - (sum & 0xffff) - (sum >> 16));
        assert_eq!((usize::from(ip[3]), usize::from(HEADERS[27])), (LEN - 14, LEN - 14 - 20));
    }
}
