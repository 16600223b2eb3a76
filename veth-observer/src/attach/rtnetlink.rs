//! Synchronous rtnetlink: destructors run wherever they happen to, also in a panic, and cannot wait on a runtime.

use std::{
    io,
    sync::{Mutex, PoisonError},
};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer, NetlinkMessage,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

/// A netlink socket of the namespace it was opened in, from whichever thread it is used. It keeps that namespace alive.
#[derive(Debug)]
pub(super) struct Rtnetlink {
    socket: Mutex<Socket>,
}

impl Rtnetlink {
    /// Opens it in the namespace of the calling thread.
    pub(super) fn open() -> io::Result<Self> {
        let socket = Socket::new(NETLINK_ROUTE)?;
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self { socket: Mutex::new(socket) })
    }

    /// Asks for something to be done and waits until it is.
    pub(super) fn act(&self, message: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        self.exchange(message, flags | NLM_F_ACK, |_| ()).map(drop)
    }

    /// Asks for a list; `read` makes something of the payload of each answer, or nothing.
    ///
    /// The payload comes as bytes: the list holds what others configured, and not all of that has a parser.
    pub(super) fn list<T>(
        &self,
        message: RouteNetlinkMessage,
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> io::Result<Vec<T>> {
        let answers = self.exchange(message, NLM_F_DUMP, read)?;
        Ok(answers.into_iter().flatten().collect())
    }

    fn exchange<T>(
        &self,
        message: RouteNetlinkMessage,
        flags: u16,
        read: impl Fn(&[u8]) -> T,
    ) -> io::Result<Vec<T>> {
        let mut request = NetlinkMessage::from(message);
        request.header.flags = NLM_F_REQUEST | flags;
        request.finalize();
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        // A socket that a panicking thread used holds at worst an answer too many.
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        socket.send(&bytes, 0)?;
        let mut answers = Vec::new();
        loop {
            let (datagram, _) = socket.recv_from_full()?;
            let mut rest = datagram.as_slice();
            while !rest.is_empty() {
                let answer = NetlinkBuffer::new_checked(rest).map_err(io::Error::other)?;
                match answer.message_type() {
                    NLMSG_DONE => return Ok(answers),
                    NLMSG_ERROR => return outcome(answer.payload()).map(|()| answers),
                    _ => answers.push(read(answer.payload())),
                }
                let length = (answer.length() as usize).next_multiple_of(4);
                rest = rest.get(length..).unwrap_or_default();
            }
        }
    }
}

/// struct nlmsgerr begins with the negative error number, 0 for an acknowledgement.
fn outcome(payload: &[u8]) -> io::Result<()> {
    let code = payload.first_chunk().map_or(-libc::EPROTO, |code| i32::from_ne_bytes(*code));
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(-code)) }
}
