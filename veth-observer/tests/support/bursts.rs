//! Senders of frames that are meant to die, and the counters of the devices that saw them die.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use veth_observer::wire::PacketSocket;

use super::netns::Lab;

// include/uapi/linux/udp.h and if_packet.h
const SOL_UDP: libc::c_int = 17;
const UDP_SEGMENT: libc::c_int = 103;
const SOL_PACKET: libc::c_int = 263;
const PACKET_VNET_HDR: libc::c_int = 15;
const PACKET_QDISC_BYPASS: libc::c_int = 20;

/// Ethernet, IPv4 and TCP without options, in bytes.
const HEADERS: u16 = 54;

/// Sets a socket option that is an integer.
pub(crate) fn set_option(socket: &impl AsFd, level: libc::c_int, option: libc::c_int, value: libc::c_int) {
    let (fd, len) = (socket.as_fd().as_raw_fd(), libc::socklen_t::try_from(size_of_val(&value)).unwrap());
    // SAFETY: the pointer and the length describe `value`, which the kernel only reads.
    let done = unsafe { libc::setsockopt(fd, level, option, (&raw const value).cast(), len) };
    assert_eq!(done, 0, "{}", io::Error::last_os_error());
}

/// A socket that has the kernel make super-frames: buffers that stand for several datagrams (UDP GSO).
pub(crate) struct SuperFrames {
    writer: UdpSocket,
    // Without it, the far end would answer that nobody listens.
    _reader: Option<UdpSocket>,
}

impl SuperFrames {
    /// Bytes of payload of each segment; with the headers, 1042 bytes of Ethernet.
    pub(crate) const SEGMENT: usize = 1000;
    /// Segments in one buffer.
    pub(crate) const SEGMENTS: u64 = 10;

    pub(crate) fn new(lab: &Lab, [near, far]: [usize; 2], to: SocketAddr) -> Self {
        let reader = lab.namespace(far).run(|| UdpSocket::bind(to)).unwrap().unwrap();
        Self { _reader: Some(reader), ..Self::unheard(lab, near, to) }
    }

    /// To an address that answers nothing.
    pub(crate) fn unheard(lab: &Lab, near: usize, to: SocketAddr) -> Self {
        let writer = lab.namespace(near).run(|| UdpSocket::bind("0.0.0.0:0")).unwrap().unwrap();
        writer.connect(to).unwrap();
        set_option(&writer, SOL_UDP, UDP_SEGMENT, libc::c_int::try_from(Self::SEGMENT).unwrap());
        Self { writer, _reader: None }
    }

    /// Sends this many buffers, and so ten times as many frames.
    pub(crate) fn send(&self, buffers: u64) {
        let payload = vec![0x5a; Self::SEGMENT * usize::try_from(Self::SEGMENTS).unwrap()];
        for _ in 0..buffers {
            // What a queue drops is no error to UDP, unless it was asked for (IP_RECVERR).
            assert_eq!(self.writer.send(&payload).unwrap(), payload.len());
        }
    }
}

impl Lab {
    /// Puts one frame on an end as often as asked, and gives how often the device said that it dropped it (ENOBUFS).
    pub(crate) fn offer_frames(&self, at: usize, ifname: &str, frame: &[u8], count: u64) -> u64 {
        offer(&self.packet_socket(at, ifname), frame, count)
    }

    /// The same past the egress hook and the queueing discipline of the end.
    pub(crate) fn offer_frames_past_the_queue(
        &self,
        at: usize,
        ifname: &str,
        frame: &[u8],
        count: u64,
    ) -> u64 {
        let socket = self.packet_socket(at, ifname);
        set_option(&socket, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
        offer(&socket, frame, count)
    }

    /// Puts each frame on an end once, past its queue or not; none may be dropped at once.
    pub(crate) fn send_each(&self, at: usize, ifname: &str, frames: &[&[u8]], past_the_queue: bool) {
        let socket = self.packet_socket(at, ifname);
        set_option(&socket, SOL_PACKET, PACKET_QDISC_BYPASS, past_the_queue.into());
        for frame in frames {
            socket.send(frame).unwrap();
        }
    }

    /// Puts each of these frames on an end, and gives the places of those that the device said it dropped.
    pub(crate) fn offer_each(
        &self,
        at: usize,
        ifname: &str,
        frames: impl IntoIterator<Item = impl AsRef<[u8]>>,
    ) -> Vec<usize> {
        let socket = self.packet_socket(at, ifname);
        let frames = frames.into_iter().enumerate();
        frames.filter(|(_, frame)| offer(&socket, frame.as_ref(), 1) == 1).map(|(place, _)| place).collect()
    }

    /// Puts super-frames past the egress hook, buffers of TCP with this many bytes of payload for each segment.
    pub(crate) fn send_super_frames_past_the_queue(
        &self,
        at: usize,
        ifname: &str,
        frame: &[u8],
        segment: u16,
        count: u64,
    ) {
        let socket = self.packet_socket(at, ifname);
        for option in [PACKET_QDISC_BYPASS, PACKET_VNET_HDR] {
            set_option(&socket, SOL_PACKET, option, 1);
        }
        // `struct virtio_net_hdr`: the checksum is to be filled in; TCP over IPv4; headers, segment, where the checksum is.
        let numbers = [HEADERS, segment, HEADERS - 20, 16].map(u16::to_le_bytes).concat();
        let buffer = [&[1, 1][..], &numbers, frame].concat();
        assert_eq!(offer(&socket, &buffer, count), 0);
    }

    fn packet_socket(&self, at: usize, ifname: &str) -> PacketSocket {
        let ifindex = self.ifindex(at, ifname);
        self.namespace(at).run(|| PacketSocket::open(ifindex)).unwrap().unwrap()
    }

    /// What a device counted as dropped on the way out and on the way in.
    pub(crate) fn device_drops(&self, at: usize, ifname: &str) -> [u64; 2] {
        let stats = self.ip_json(at, &["-s", "link", "show", ifname])[0]["stats64"].clone();
        ["tx", "rx"].map(|way| stats[way]["dropped"].as_u64().unwrap())
    }

    /// Drops of the first qdisc of a kind on a device, in buffers.
    pub(crate) fn qdisc_drops(&self, at: usize, ifname: &str, kind: &str) -> u64 {
        let text = self.exec(at, &["tc", "-s", "-j", "qdisc", "show", "dev", ifname]);
        let qdiscs: serde_json::Value = serde_json::from_str(&text).unwrap();
        let qdisc = qdiscs.as_array().unwrap().iter().find(|qdisc| qdisc["kind"] == kind);
        qdisc.unwrap_or_else(|| panic!("{text}"))["drops"].as_u64().unwrap()
    }
}

fn offer(socket: &PacketSocket, frame: &[u8], count: u64) -> u64 {
    let refused = |_: &u64| match socket.send(frame) {
        Ok(()) => false,
        Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => true,
        Err(error) => panic!("{error}"),
    };
    u64::try_from((0..count).filter(refused).count()).unwrap()
}

/// A device beside the pair's end in the first namespace. What is sent on it goes out of that end, many times in one step.
pub(crate) struct Copier {
    _link: OwnedFd,
}

impl Copier {
    pub(crate) const DEVICE: &str = "vcopier";

    pub(crate) fn new(lab: &Lab, end: &str, copies: usize) -> Self {
        lab.ip(0, &["link", "add", Self::DEVICE, "type", "veth", "peer", "name", "vcopied"]);
        for name in [Self::DEVICE, "vcopied"] {
            lab.ip(0, &["link", "set", name, "up"]);
        }
        let program = super::bpf::load_copier("copier", lab.ifindex(0, end), copies);
        let ifindex = lab.ifindex(0, Self::DEVICE);
        let attach = || super::bpf::attach(&program, ifindex, super::bpf::Hook::TcxEgress);
        Self { _link: lab.namespace(0).run(attach).unwrap() }
    }

    /// Has what is sent to an address go through the copier as if to the far end.
    pub(crate) fn route(lab: &Lab, to: &str, mac: &str) {
        lab.ip(0, &["route", "replace", to, "dev", Self::DEVICE]);
        lab.ip(0, &["neighbor", "replace", to, "lladdr", mac, "nud", "permanent", "dev", Self::DEVICE]);
    }
}
