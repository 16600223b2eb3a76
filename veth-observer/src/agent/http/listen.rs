//! Where the server listens: addresses and unix sockets.

use std::{
    fmt,
    io::{self, ErrorKind},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    str::FromStr,
};

use anyhow::Result;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::{PORT, SOCKET, gate::Entry, unix::UnixSocket};
use crate::fault::Fault;

/// One `--web.listen-address`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Address {
    /// Only this machine.
    pub const LOOPBACK: Self = Self::Tcp(SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), PORT));
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            if !path.starts_with('/') {
                return Err(format!("the path of a unix socket begins with /: unix:{SOCKET}"));
            }
            return Ok(Self::Unix(path.into()));
        }
        if let Some(port) = text.strip_prefix(':') {
            let port = port.parse().map_err(|_| format!("`{port}` is no port"))?;
            return Ok(Self::Tcp((Ipv6Addr::UNSPECIFIED, port).into()));
        }
        text.parse().map(Self::Tcp).map_err(|_| {
            format!("give ADDRESS:PORT with a number for the address, as 127.0.0.1:{PORT} or [::]:{PORT}, or unix:PATH")
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A socket that listens.
#[derive(Debug)]
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixSocket),
}

/// Connections that wait to be accepted; the kernel's own limit is `net.core.somaxconn`.
const BACKLOG: u32 = 1024;

impl Listener {
    pub(super) fn bind(address: &Address) -> Result<Self> {
        match address {
            Address::Tcp(tcp) => bind(*tcp).map(Self::Tcp).map_err(|error| refused(address, error)),
            Address::Unix(path) => UnixSocket::bind(path).map(Self::Unix),
        }
    }

    /// Where it is, with the port that the kernel chose.
    pub(super) fn address(&self) -> Result<Address> {
        match self {
            Self::Tcp(listener) => Ok(Address::Tcp(listener.local_addr()?)),
            Self::Unix(socket) => Ok(Address::Unix(socket.path().to_owned())),
        }
    }

    /// How requests come by it.
    pub(super) fn entry(&self) -> Entry {
        match self {
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(address) if !address.ip().to_canonical().is_loopback() => Entry::Network,
                _ => Entry::Loopback,
            },
            Self::Unix(_) => Entry::Unix,
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() }?;
    // Connections of an earlier run that are being closed do not keep us from coming back.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn refused(address: &Address, error: io::Error) -> anyhow::Error {
    let message = format!("cannot listen on {address}: {error}");
    let Address::Tcp(tcp) = address else { return anyhow::Error::msg(message) };
    let fault = match error.kind() {
        ErrorKind::AddrInUse => Fault::usage(format!("{address} is in use")).fix(format!(
            "end who has it (`ss -ltnp 'sport = :{port}'` tells), or choose another: --web.listen-address {ip}",
            port = tcp.port(),
            ip = SocketAddr::new(tcp.ip(), tcp.port().wrapping_add(1).max(1024)),
        )),
        ErrorKind::AddrNotAvailable => Fault::usage(format!("no interface here has the address {}", tcp.ip()))
            .fix("`ip address` shows those there are; [::] is all of them"),
        ErrorKind::PermissionDenied => {
            Fault::unavailable(message).fix("a port from 1024 on takes no privilege")
        }
        _ => return anyhow::Error::new(error).context(format!("cannot listen on {address}")),
    };
    fault.into()
}

pub(super) async fn accept_tcp(listener: &TcpListener) -> io::Result<TcpStream> {
    let (stream, _) = listener.accept().await?;
    // An answer is written in a few large pieces: none of them is to wait for the acknowledgement of another.
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_numbers_ports_or_paths() {
        for (text, shown) in [
            ("127.0.0.1:10435", "127.0.0.1:10435"),
            ("[::]:1", "[::]:1"),
            (":80", "[::]:80"),
            ("unix:/run/x.sock", "unix:/run/x.sock"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), shown);
        }
        for text in ["", "localhost:1", "127.0.0.1", "::1", ":", ":99999", "unix:", "unix:x", "1.2.3.4:x"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
        assert_eq!(Address::LOOPBACK.to_string(), "127.0.0.1:10435");
    }
}
