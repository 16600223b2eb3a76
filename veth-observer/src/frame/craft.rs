//! Exact bytes from a description of a frame.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

use etherparse::{
    EtherType, Ethernet2Header, IpFragOffset, IpHeaders, IpNumber, Ipv4Header, Ipv6Header, PacketBuilder,
    SingleVlanHeader, VlanId, VlanPcp, ether_type,
};

use crate::model::mac::Mac;

/// EtherType for experiments that stay local (IEEE 802-2014, 9.2.3), taken when nothing says otherwise.
pub const EXPERIMENTAL: u16 = 0x88b5;

/// IP protocol for experiments (RFC 3692), taken for an IP packet without a transport.
const IP_EXPERIMENTAL: IpNumber = IpNumber(253);

/// Length of an Ethernet header and so of the shortest frame, in bytes.
pub const HEADER: usize = 14;

/// What an IEEE 802.1Q tag adds, in bytes.
pub const VLAN_TAG: usize = 4;

/// The longest that a frame may be on a device with this MTU, in bytes: an Ethernet header more, and a tag where the frame
/// begins with one (`packet_snd` in the kernel).
pub fn longest(mtu: u32, frame: &[u8]) -> usize {
    let tag = if frame.get(12..14) == Some(&[0x81, 0x00]) { VLAN_TAG } else { 0 };
    usize::try_from(mtu).map_or(usize::MAX, |mtu| mtu.saturating_add(HEADER + tag))
}

/// A frame to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameSpec {
    pub src_mac: Mac,
    pub dst_mac: Mac,
    pub vlan: Option<Vlan>,
    pub content: Content,
    pub payload: Vec<u8>,
    /// Length of the whole frame in bytes, without frame check sequence: zeros fill the innermost payload up.
    pub size: Option<usize>,
}

/// An IEEE 802.1Q tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vlan {
    /// 0 to 4094; 0 carries only a priority.
    pub id: u16,
    /// Priority code point, 0 to 7.
    pub pcp: u8,
}

/// What stands behind the Ethernet header and the tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// The payload itself, under this EtherType.
    Raw(u16),
    Ip(Ip, Option<Transport>),
}

/// Addresses of an IP header. TTL or hop limit is 64; the IPv4 identification is 1 and may be fragmented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ip {
    V4 { src: Ipv4Addr, dst: Ipv4Addr },
    V6 { src: Ipv6Addr, dst: Ipv6Addr },
}

/// What stands behind the IP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Udp {
        src: u16,
        dst: u16,
    },
    /// A SYN with sequence number 0 and a window of 8192, as scapy makes by default.
    Tcp {
        src: u16,
        dst: u16,
    },
    /// An echo request with identifier 1, ICMP or ICMPv6 as the IP header demands.
    Icmp,
}

/// Why a frame cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CraftError {
    /// The asked length in bytes, and the least the headers and the payload take.
    TooSmall { size: usize, content: usize },
    /// The VLAN id or priority does not fit its bits.
    Vlan,
    /// A length field cannot hold the payload; the text says which.
    TooLong(String),
}

impl fmt::Display for CraftError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall { size, content } => {
                write!(f, "a frame of {size} bytes cannot hold its content of {content} bytes")
            }
            Self::Vlan => f.write_str("a VLAN id is 0 to 4094 and a priority 0 to 7"),
            Self::TooLong(why) => write!(f, "the payload is too long: {why}"),
        }
    }
}

impl std::error::Error for CraftError {}

/// Makes the bytes of a frame, from the destination MAC on, without frame check sequence.
///
/// `sequence` is the sequence number of an ICMP echo request; everything else repeats from frame to frame.
pub fn craft(spec: &FrameSpec, sequence: u16) -> Result<Vec<u8>, CraftError> {
    let frame = build(spec, &spec.payload, sequence)?;
    match spec.size {
        None => Ok(frame),
        Some(size) if size == frame.len() => Ok(frame),
        Some(size) => {
            let content = frame.len();
            let padding = size.checked_sub(content).ok_or(CraftError::TooSmall { size, content })?;
            let mut payload = spec.payload.clone();
            payload.resize(payload.len() + padding, 0);
            build(spec, &payload, sequence)
        }
    }
}

fn build(spec: &FrameSpec, payload: &[u8], sequence: u16) -> Result<Vec<u8>, CraftError> {
    let content_type = match spec.content {
        Content::Raw(value) => EtherType(value),
        Content::Ip(Ip::V4 { .. }, _) => ether_type::IPV4,
        Content::Ip(Ip::V6 { .. }, _) => ether_type::IPV6,
    };
    let outer_type = if spec.vlan.is_some() { ether_type::VLAN_TAGGED_FRAME } else { content_type };
    let header =
        Ethernet2Header { source: spec.src_mac.0, destination: spec.dst_mac.0, ether_type: outer_type };
    let mut frame = header.to_bytes().to_vec();
    if let Some(vlan) = spec.vlan {
        // Id 4095 fits the field and is reserved (IEEE 802.1Q-2018, table 9-2).
        let tag = SingleVlanHeader {
            pcp: VlanPcp::try_new(vlan.pcp).map_err(|_| CraftError::Vlan)?,
            drop_eligible_indicator: false,
            vlan_id: VlanId::try_new(vlan.id).ok().filter(|id| id.value() < 4095).ok_or(CraftError::Vlan)?,
            ether_type: content_type,
        };
        frame.extend_from_slice(&tag.to_bytes());
    }
    match spec.content {
        Content::Raw(_) => frame.extend_from_slice(payload),
        Content::Ip(ip, transport) => packet(ip, transport, payload, sequence, &mut frame)?,
    }
    Ok(frame)
}

fn packet(
    ip: Ip,
    transport: Option<Transport>,
    payload: &[u8],
    sequence: u16,
    frame: &mut Vec<u8>,
) -> Result<(), CraftError> {
    let builder = PacketBuilder::ip(match ip {
        Ip::V4 { src, dst } => IpHeaders::Ipv4(
            Ipv4Header {
                identification: 1,
                dont_fragment: false,
                fragment_offset: IpFragOffset::ZERO,
                time_to_live: 64,
                source: src.octets(),
                destination: dst.octets(),
                ..Ipv4Header::default()
            },
            etherparse::Ipv4Extensions::default(),
        ),
        Ip::V6 { src, dst } => IpHeaders::Ipv6(
            Ipv6Header {
                hop_limit: 64,
                source: src.octets(),
                destination: dst.octets(),
                ..Ipv6Header::default()
            },
            etherparse::Ipv6Extensions::default(),
        ),
    });
    match (transport, ip) {
        (None, _) => builder.write_to_vec(frame, IP_EXPERIMENTAL, payload),
        (Some(Transport::Udp { src, dst }), _) => builder.udp(src, dst).write_to_vec(frame, payload),
        (Some(Transport::Tcp { src, dst }), _) => {
            builder.tcp(src, dst, 0, 8192).syn().write_to_vec(frame, payload)
        }
        (Some(Transport::Icmp), Ip::V4 { .. }) => {
            builder.icmpv4_echo_request(1, sequence).write_to_vec(frame, payload)
        }
        (Some(Transport::Icmp), Ip::V6 { .. }) => {
            builder.icmpv6_echo_request(1, sequence).write_to_vec(frame, payload)
        }
    }
    .map_err(|error| CraftError::TooLong(error.to_string()))
}

#[cfg(test)]
mod tests;
