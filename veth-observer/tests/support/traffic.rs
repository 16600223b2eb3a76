//! Senders that know what they sent.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    thread,
    time::Duration,
};

use veth_observer::{netns::Namespace, wire::PacketSocket};

use super::netns::{Lab, eventually};

impl Lab {
    /// The way into the namespace at `at`.
    pub(crate) fn namespace(&self, at: usize) -> Namespace {
        Namespace::by_name(self.name(at)).unwrap()
    }

    /// Puts one frame on an end as often as asked.
    pub(crate) fn send_frames(&self, at: usize, ifname: &str, frame: &[u8], count: u64) {
        let ifindex = self.ifindex(at, ifname);
        let socket = self.namespace(at).run(|| PacketSocket::open(ifindex)).unwrap().unwrap();
        for _ in 0..count {
            socket.send(frame).unwrap();
        }
    }

    /// Puts each of these frames on an end.
    pub(crate) fn send_in_turn(&self, at: usize, ifname: &str, frames: impl IntoIterator<Item = Vec<u8>>) {
        let ifindex = self.ifindex(at, ifname);
        let socket = self.namespace(at).run(|| PacketSocket::open(ifindex)).unwrap().unwrap();
        for frame in frames {
            socket.send(&frame).unwrap();
        }
    }

    /// Sends datagrams to a socket that reads them, and gives how many it read.
    pub(crate) fn send_datagrams(
        &self,
        [near, far]: [usize; 2],
        to: SocketAddr,
        payload: usize,
        count: u64,
    ) -> u64 {
        let reader = self.namespace(far).run(|| UdpSocket::bind(to)).unwrap().unwrap();
        let any: SocketAddr = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }.parse().unwrap();
        let writer = self.namespace(near).run(|| UdpSocket::bind(any)).unwrap().unwrap();
        writer.connect(to).unwrap();
        reader.set_nonblocking(true).unwrap();
        let (datagram, mut scratch, mut read) = (vec![0x5a; payload], vec![0; payload + 1], 0);
        for _ in 0..count {
            writer.send(&datagram).unwrap();
            while reader.recv(&mut scratch).is_ok() {
                read += 1;
            }
        }
        read
    }

    /// Carries bytes over one connection, closes it, and gives how many arrived; the last segment has been sent by then.
    pub(crate) fn send_stream(&self, [near, far]: [usize; 2], to: SocketAddr, bytes: usize) -> usize {
        let listener = self.namespace(far).run(|| TcpListener::bind(to)).unwrap().unwrap();
        let reader = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let (mut scratch, mut total) = (vec![0; 1 << 18], 0);
            loop {
                match stream.read(&mut scratch).unwrap() {
                    0 => return total,
                    read => total += read,
                }
            }
        });
        let mut stream = self.namespace(near).run(|| TcpStream::connect(to)).unwrap().unwrap();
        let chunk = vec![0x5a; 1 << 16];
        for _ in 0..bytes / chunk.len() {
            stream.write_all(&chunk).unwrap();
        }
        drop(stream);
        let total = reader.join().unwrap();
        for at in [near, far] {
            eventually("the connection is closed", || self.has_said_its_last_segment(at));
        }
        total
    }

    /// Every TCP socket of a namespace is in TIME_WAIT or LISTEN (net/tcp_states.h), or gone.
    fn has_said_its_last_segment(&self, at: usize) -> bool {
        let sockets = self.exec(at, &["cat", "/proc/net/tcp"]);
        sockets.lines().skip(1).all(|line| matches!(line.split_whitespace().nth(3), Some("06" | "0A")))
    }

    pub(crate) fn ifindex(&self, at: usize, ifname: &str) -> u32 {
        u32::try_from(self.ip_json(at, &["link", "show", ifname])[0]["ifindex"].as_u64().unwrap()).unwrap()
    }

    /// Packets and bytes the device itself counted, sent and received.
    pub(crate) fn device_counters(&self, at: usize, ifname: &str) -> DeviceCounters {
        let stats = self.ip_json(at, &["-s", "link", "show", ifname])[0]["stats64"].clone();
        let get = |way: &str, what: &str| stats[way][what].as_u64().unwrap();
        DeviceCounters {
            tx_packets: get("tx", "packets"),
            tx_bytes: get("tx", "bytes"),
            rx_packets: get("rx", "packets"),
            rx_bytes: get("rx", "bytes"),
        }
    }

    /// A counter of /proc/net/snmp, for example `Tcp` `OutSegs`.
    pub(crate) fn snmp(&self, at: usize, protocol: &str, name: &str) -> u64 {
        let text = self.exec(at, &["cat", "/proc/net/snmp"]);
        let mut lines = text.lines().filter(|line| line.starts_with(&format!("{protocol}:")));
        let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
        let at = names.split_whitespace().position(|word| word == name).unwrap();
        values.split_whitespace().nth(at).unwrap().parse().unwrap()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DeviceCounters {
    pub(crate) tx_packets: u64,
    pub(crate) tx_bytes: u64,
    pub(crate) rx_packets: u64,
    pub(crate) rx_bytes: u64,
}
