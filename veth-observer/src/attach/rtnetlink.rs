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
        let [outcome] = self.act_together([(message, flags)])?;
        outcome
    }

    /// Asks for several things in one system call, so that a kill comes before all of them or after, and gives what became
    /// of each: the kernel goes on after one that fails.
    pub(super) fn act_together<const N: usize>(
        &self,
        requests: [(RouteNetlinkMessage, u16); N],
    ) -> io::Result<[io::Result<()>; N]> {
        let requests = requests.map(|(message, flags)| request(message, flags | NLM_F_ACK)).concat();
        let mut outcomes = Vec::new();
        self.exchange(&requests, |answer| {
            if answer.message_type() == NLMSG_ERROR {
                outcomes.push(outcome(answer.payload()));
            }
            Ok(outcomes.len() == N)
        })?;
        outcomes.try_into().map_err(|_| io::Error::other("netlink left a request without an answer"))
    }

    /// Asks for a list; `read` makes something of the payload of each answer, or nothing.
    ///
    /// The payload comes as bytes: the list holds what others configured, and not all of that has a parser.
    pub(super) fn list<T>(
        &self,
        message: RouteNetlinkMessage,
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> io::Result<Vec<T>> {
        let mut items = Vec::new();
        self.exchange(&request(message, NLM_F_DUMP), |answer| match answer.message_type() {
            NLMSG_DONE => Ok(true),
            NLMSG_ERROR => outcome(answer.payload()).map(|()| true),
            _ => {
                items.extend(read(answer.payload()));
                Ok(false)
            }
        })?;
        Ok(items)
    }

    /// Sends requests and hands out their answers until `is_last` says so of one.
    fn exchange(
        &self,
        requests: &[u8],
        mut is_last: impl FnMut(&NetlinkBuffer<&[u8]>) -> io::Result<bool>,
    ) -> io::Result<()> {
        // A socket that a panicking thread used holds at worst an answer too many.
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        socket.send(requests, 0)?;
        loop {
            let (datagram, _) = socket.recv_from_full()?;
            let mut rest = datagram.as_slice();
            while !rest.is_empty() {
                let answer = NetlinkBuffer::new_checked(rest).map_err(io::Error::other)?;
                if is_last(&answer)? {
                    return Ok(());
                }
                let length = (answer.length() as usize).next_multiple_of(4);
                rest = rest.get(length..).unwrap_or_default();
            }
        }
    }
}

/// As it goes over the wire, padded for another to follow.
fn request(message: RouteNetlinkMessage, flags: u16) -> Vec<u8> {
    let mut request = NetlinkMessage::from(message);
    request.header.flags = NLM_F_REQUEST | flags;
    request.finalize();
    let mut bytes = vec![0; request.buffer_len().next_multiple_of(4)];
    request.serialize(&mut bytes);
    bytes
}

/// struct nlmsgerr begins with the negative error number, 0 for an acknowledgement.
fn outcome(payload: &[u8]) -> io::Result<()> {
    let code = payload.first_chunk().map_or(-libc::EPROTO, |code| i32::from_ne_bytes(*code));
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(-code)) }
}
