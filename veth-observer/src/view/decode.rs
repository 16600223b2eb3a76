//! One frame layer by layer, and its bytes, as scapy's `show` and `hexdump` give them.

use std::fmt::Write as _;

use super::line::ethertype;
use crate::frame::{
    describe::{Description, Neighbor, Transport, describe},
    hex, names,
};

/// Lines of layers, outermost first, then the hex dump; each line ends with a line feed.
pub fn decode(frame: &[u8]) -> String {
    let description = describe(frame, frame.len());
    let mut text = String::new();
    for (layer, words) in layers(&description) {
        let _ = writeln!(text, "{layer:<10}{words}");
    }
    text + &hex::dump(frame)
}

fn layers(frame: &Description) -> Vec<(String, String)> {
    let mut layers = Vec::new();
    let mut layer = |name: &str, words: String| layers.push((name.to_owned(), words));
    if let (Some(src), Some(dst)) = (frame.src_mac, frame.dst_mac) {
        layer("ethernet", format!("{src} > {dst}"));
    }
    for id in &frame.vlans {
        layer("vlan", format!("id {id}"));
    }
    if let Some(value) = frame.ethertype {
        layer("type", ethertype(value));
    }
    if let Some(packet) = &frame.arp {
        let who = |found: Option<Neighbor>| {
            found.map_or_else(|| "?".to_owned(), |who| format!("{} ({})", who.ip, who.mac))
        };
        layer(
            "arp",
            format!("operation {}, {} > {}", packet.operation, who(packet.sender), who(packet.target)),
        );
    }
    if let Some(packet) = &frame.network {
        let name = if packet.src.is_ipv4() { "ipv4" } else { "ipv6" };
        let protocol = names::ip_protocol(packet.protocol).unwrap_or("unknown");
        let limit = if packet.src.is_ipv4() { "ttl" } else { "hop limit" };
        let mut words = format!(
            "{} > {}, {limit} {}, protocol {} ({protocol})",
            packet.src, packet.dst, packet.ttl, packet.protocol
        );
        if let Some(piece) = packet.fragment {
            let more = if piece.more { ", more follow" } else { "" };
            let _ = write!(words, ", fragment {} at {}{more}", piece.id, piece.offset);
        }
        layer(name, words);
    }
    match &frame.transport {
        Some(Transport::Tcp { src_port, dst_port, flags }) => {
            layer("tcp", format!("{src_port} > {dst_port}, flags [{}]", flags.as_deref().unwrap_or("?")));
        }
        Some(Transport::Udp { src_port, dst_port }) => layer("udp", format!("{src_port} > {dst_port}")),
        Some(Transport::Icmp(icmp)) => layer("icmp", format!("type {}, code {}", icmp.kind, icmp.code)),
        Some(Transport::Icmp6(icmp)) => layer("icmp6", format!("type {}, code {}", icmp.kind, icmp.code)),
        None => {}
    }
    if frame.malformed {
        layer("malformed", "a header is incomplete or contradicts itself".to_owned());
    }
    layers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::specimen;

    #[test]
    fn the_frame_of_the_document() {
        assert_eq!(
            decode(&specimen::frame("tcp4")),
            "ethernet  22:11:11:11:11:11 > 22:22:22:22:22:22\n\
             type      0x0800 (IPv4)\n\
             ipv4      1.1.1.1 > 2.2.2.2, ttl 64, protocol 6 (tcp)\n\
             tcp       1111 > 2222, flags [S]\n\
             0000  22 22 22 22 22 22 22 11  11 11 11 11 08 00 45 00  \"\"\"\"\"\"\".......E.\n\
             0010  00 2b 00 01 00 00 40 06  74 c7 01 01 01 01 02 02  .+....@.t.......\n\
             0020  02 02 04 57 08 ae 00 00  00 00 00 00 00 00 50 02  ...W..........P.\n\
             0030  20 00 18 a3 00 00 31 32  33                        .....123\n"
        );
    }

    #[test]
    fn other_layers_and_broken_frames() {
        assert!(
            decode(&specimen::frame("qinq")).contains("vlan      id 100\nvlan      id 5\ntype      0x0800")
        );
        let arp = decode(&specimen::frame("arp"));
        let words = "arp       operation 1, 10.0.0.1 (22:11:11:11:11:11) > 10.0.0.2 (00:00:00:00:00:00)\n";
        assert!(arp.contains(words), "{arp}");
        assert!(decode(&[0x22; 13]).contains("malformed "));
        assert!(
            decode(&specimen::frame("fragment6")).contains("fragment 9 at 0, more follow\nudp       1 > 2\n")
        );
    }
}
