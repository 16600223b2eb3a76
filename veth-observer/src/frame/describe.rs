//! What a frame says about itself, as far as its bytes reach.

use std::net::{IpAddr, Ipv4Addr};

use etherparse::{
    ArpPacketSlice, IpAuthHeaderSlice, IpNumber, Ipv6FragmentHeaderSlice, Ipv6RawExtHeaderSlice,
    LaxIpPayloadSlice, LaxIpv4Slice, LaxIpv6Slice, LaxLinkExtSlice, LaxNetSlice, LaxSlicedPacket, ip_number,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::model::mac::Mac;

/// A frame in words. Nothing is guessed: what the bytes do not hold is `None` and left out of JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub src_mac: Option<Mac>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dst_mac: Option<Mac>,
    /// VLAN ids, outermost first; at most three are read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vlans: Vec<u16>,
    /// EtherType behind the last VLAN tag that could be read. Below 0x0600 it is an IEEE 802.3 length.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "as_hex",
        deserialize_with = "from_hex"
    )]
    pub ethertype: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport: Option<Transport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arp: Option<Arp>,
    /// Fewer bytes were kept than the frame has.
    pub cut: bool,
    /// All bytes are here, and a header among them is incomplete or contradicts itself.
    pub malformed: bool,
}

/// An IPv4 or IPv6 header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    pub src: IpAddr,
    pub dst: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// IANA protocol number behind the last extension header that could be read.
    pub protocol: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fragment: Option<Fragment>,
}

/// Which piece of a fragmented packet this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fragment {
    pub id: u32,
    /// Bytes before this piece in the whole packet.
    pub offset: u16,
    /// More pieces follow.
    pub more: bool,
}

/// The first bytes of the transport header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Transport {
    Tcp {
        src_port: u16,
        dst_port: u16,
        /// As tcpdump writes them: `S`, `S.`, `P.`, `none`; absent when cut off.
        #[serde(skip_serializing_if = "Option::is_none")]
        flags: Option<String>,
    },
    Udp {
        src_port: u16,
        dst_port: u16,
    },
    Icmp(Icmp),
    Icmp6(Icmp),
}

/// The first bytes of an ICMP or ICMPv6 message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Icmp {
    #[serde(rename = "type")]
    pub kind: u8,
    pub code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub echo: Option<Echo>,
}

/// Which echo of which sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echo {
    pub id: u16,
    pub sequence: u16,
}

/// An ARP packet; the addresses are there when it is for IPv4 over Ethernet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arp {
    /// 1 is a request, 2 a reply (RFC 826).
    pub operation: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<Neighbor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Neighbor>,
}

/// Who ARP talks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbor {
    pub mac: Mac,
    pub ip: Ipv4Addr,
}

/// Reads a frame from its destination MAC on. `len` is its length in bytes before it was cut to `bytes`.
pub fn describe(bytes: &[u8], len: usize) -> Description {
    let mut description = Description { cut: bytes.len() < len, ..Description::default() };
    description.dst_mac = array(bytes, 0).map(Mac);
    description.src_mac = array(bytes, 6).map(Mac);
    let Ok(packet) = LaxSlicedPacket::from_ethernet(bytes) else {
        description.malformed = !description.cut;
        return description;
    };
    description.malformed = !description.cut && packet.stop_err.is_some();
    description.ethertype = array(bytes, 12).map(u16::from_be_bytes);
    for tag in &packet.link_exts {
        let LaxLinkExtSlice::Vlan(tag) = tag else { break };
        description.vlans.push(tag.vlan_identifier().value());
        description.ethertype = Some(tag.ether_type().0);
    }
    match &packet.net {
        Some(LaxNetSlice::Ipv4(ip)) => {
            let network = network4(ip);
            description.transport = transport(ip.payload(), network.fragment);
            description.network = Some(network);
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            let network = network6(ip);
            description.transport = transport(ip.payload(), network.fragment);
            description.network = Some(network);
        }
        Some(LaxNetSlice::Arp(packet)) => description.arp = Some(arp(packet)),
        None if description.cut && description.ethertype == Some(0x0800) => {
            let header = bytes.get(14 + 4 * description.vlans.len()..);
            description.network = header.and_then(first_of_network4);
        }
        None => {}
    }
    description
}

/// The part of an IPv4 header that every one has, where its options were cut off: etherparse then gives nothing (RFC 791, 3.1).
fn first_of_network4(header: &[u8]) -> Option<Network> {
    let [_, _, _, _, id @ .., src_0, src_1, src_2, src_3, dst_0, dst_1, dst_2, dst_3] =
        array::<20>(header, 0)?;
    let [id_0, id_1, piece_0, piece_1, ttl, protocol, _, _] = id;
    let piece = u16::from_be_bytes([piece_0, piece_1]);
    let (offset, more) = (8 * (piece & 0x1fff), piece & 0x2000 != 0);
    let id = u16::from_be_bytes([id_0, id_1]).into();
    (header[0] >> 4 == 4).then(|| Network {
        src: Ipv4Addr::new(src_0, src_1, src_2, src_3).into(),
        dst: Ipv4Addr::new(dst_0, dst_1, dst_2, dst_3).into(),
        ttl,
        protocol,
        fragment: (offset != 0 || more).then_some(Fragment { id, offset, more }),
    })
}

fn network4(ip: &LaxIpv4Slice<'_>) -> Network {
    let header = ip.header();
    let fragment = header.is_fragmenting_payload().then(|| Fragment {
        id: header.identification().into(),
        offset: header.fragments_offset().byte_offset(),
        more: header.more_fragments(),
    });
    Network {
        src: header.source_addr().into(),
        dst: header.destination_addr().into(),
        ttl: header.ttl(),
        protocol: ip.payload_ip_number().0,
        fragment,
    }
}

fn network6(ip: &LaxIpv6Slice<'_>) -> Network {
    let header = ip.header();
    let fragment = fragment6(header.next_header(), ip.extensions().slice());
    Network {
        src: header.source_addr().into(),
        dst: header.destination_addr().into(),
        ttl: header.hop_limit(),
        protocol: ip.payload().ip_number.0,
        fragment,
    }
}

/// Finds the fragment header among the extension headers. The iterator of etherparse 0.21 would do, but it reads
/// out of bounds when the last header was cut off: these constructors check.
fn fragment6(mut next: IpNumber, mut bytes: &[u8]) -> Option<Fragment> {
    loop {
        let (after, len) = match next {
            ip_number::IPV6_FRAGMENTATION_HEADER => {
                let piece = Ipv6FragmentHeaderSlice::from_slice(bytes).ok()?;
                return piece.is_fragmenting_payload().then(|| Fragment {
                    id: piece.identification(),
                    offset: piece.fragment_offset().byte_offset(),
                    more: piece.more_fragments(),
                });
            }
            ip_number::IPV6_HEADER_HOP_BY_HOP
            | ip_number::IPV6_ROUTE_HEADER
            | ip_number::IPV6_DESTINATION_OPTIONS => {
                let header = Ipv6RawExtHeaderSlice::from_slice(bytes).ok()?;
                (header.next_header(), header.slice().len())
            }
            ip_number::AUTHENTICATION_HEADER => {
                let header = IpAuthHeaderSlice::from_slice(bytes).ok()?;
                (header.next_header(), header.slice().len())
            }
            _ => return None,
        };
        next = after;
        bytes = bytes.get(len..)?;
    }
}

/// Reads by offset, because a snap length may end inside the header and etherparse then gives nothing.
/// TCP: RFC 9293, 3.1. UDP: RFC 768. ICMP: RFC 792 and RFC 4443, 2.1.
fn transport(packet: &LaxIpPayloadSlice<'_>, fragment: Option<Fragment>) -> Option<Transport> {
    if fragment.is_some_and(|fragment| fragment.offset != 0) {
        return None;
    }
    let bytes = packet.payload;
    let port = |offset| array(bytes, offset).map(u16::from_be_bytes);
    match packet.ip_number {
        ip_number::TCP => Some(Transport::Tcp {
            src_port: port(0)?,
            dst_port: port(2)?,
            flags: bytes.get(13).copied().map(tcp_flags),
        }),
        ip_number::UDP => Some(Transport::Udp { src_port: port(0)?, dst_port: port(2)? }),
        ip_number::ICMP => icmp(bytes, [8, 0]).map(Transport::Icmp),
        ip_number::IPV6_ICMP => icmp(bytes, [128, 129]).map(Transport::Icmp6),
        _ => None,
    }
}

fn icmp(bytes: &[u8], echo: [u8; 2]) -> Option<Icmp> {
    let [kind, code] = array(bytes, 0)?;
    let numbers = || {
        Some(Echo {
            id: u16::from_be_bytes(array(bytes, 4)?),
            sequence: u16::from_be_bytes(array(bytes, 6)?),
        })
    };
    Some(Icmp { kind, code, echo: if echo.contains(&kind) { numbers() } else { None } })
}

fn tcp_flags(byte: u8) -> String {
    let letters = ['F', 'S', 'R', 'P', '.', 'U', 'E', 'W'];
    let set: String =
        letters.into_iter().enumerate().filter(|(bit, _)| byte >> bit & 1 == 1).map(|(_, l)| l).collect();
    if set.is_empty() { "none".to_owned() } else { set }
}

fn arp(packet: &ArpPacketSlice<'_>) -> Arp {
    let neighbor =
        |mac: &[u8], ip: &[u8]| Some(Neighbor { mac: Mac(mac.try_into().ok()?), ip: array(ip, 0)?.into() });
    let ipv4_over_ethernet = packet.hw_addr_type().0 == 1 && packet.proto_addr_type().0 == 0x0800;
    let [sender, target] = [
        neighbor(packet.sender_hw_addr(), packet.sender_protocol_addr()),
        neighbor(packet.target_hw_addr(), packet.target_protocol_addr()),
    ]
    .map(|found| found.filter(|_| ipv4_over_ethernet));
    Arp { operation: packet.operation().0, sender, target }
}

fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..).and_then(|rest| rest.first_chunk()).copied()
}

#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn as_hex<S: Serializer>(value: &Option<u16>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(&format_args!("{value:#06x}")),
        None => serializer.serialize_none(),
    }
}

fn from_hex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let number = text.strip_prefix("0x").and_then(|digits| u16::from_str_radix(digits, 16).ok());
    number.map(Some).ok_or_else(|| de::Error::custom("not an EtherType such as 0x0800"))
}

#[cfg(test)]
mod tests;
