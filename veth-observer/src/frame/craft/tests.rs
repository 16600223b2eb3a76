use etherparse::{NetSlice, SlicedPacket, TransportSlice};

use super::*;
use crate::frame::specimen;

fn spec(content: Content, payload: &str) -> FrameSpec {
    FrameSpec {
        src_mac: Mac([0x22, 0x11, 0x11, 0x11, 0x11, 0x11]),
        dst_mac: Mac([0x22; 6]),
        vlan: None,
        content,
        payload: payload.into(),
        size: None,
    }
}

fn ip4() -> Ip {
    Ip::V4 { src: [10, 0, 0, 1].into(), dst: [10, 0, 0, 2].into() }
}

fn ip6() -> Ip {
    Ip::V6 { src: "fd00::1".parse().unwrap(), dst: "fd00::2".parse().unwrap() }
}

fn specs() -> Vec<(&'static str, FrameSpec)> {
    let seed = Ip::V4 { src: [1, 1, 1, 1].into(), dst: [2, 2, 2, 2].into() };
    let tcp = Some(Transport::Tcp { src: 1111, dst: 2222 });
    let dns = Some(Transport::Udp { src: 53, dst: 5353 });
    let udp = Some(Transport::Udp { src: 1, dst: 2 });
    let tag = Some(Vlan { id: 5, pcp: 3 });
    vec![
        ("tcp4", spec(Content::Ip(seed, tcp), "123")),
        ("vlan", FrameSpec { vlan: tag, ..spec(Content::Ip(ip4(), dns), "hello") }),
        ("udp6", spec(Content::Ip(ip6(), udp), "hello")),
        ("icmp4", spec(Content::Ip(ip4(), Some(Transport::Icmp)), "ping")),
        ("icmp6", spec(Content::Ip(ip6(), Some(Transport::Icmp)), "ping")),
        ("tcp6", spec(Content::Ip(ip6(), tcp), "")),
        ("ip4", spec(Content::Ip(ip4(), None), "x")),
    ]
}

#[test]
fn makes_the_bytes_that_scapy_makes() {
    for (name, spec) in specs() {
        assert_eq!(craft(&spec, 3).unwrap(), specimen::frame(name), "{name}");
    }
}

#[test]
fn a_raw_frame_is_header_and_payload() {
    let frame = craft(&spec(Content::Raw(EXPERIMENTAL), "hi"), 0).unwrap();
    assert_eq!(frame[12..], [0x88, 0xb5, b'h', b'i']);
    assert_eq!(craft(&spec(Content::Raw(0x1234), ""), 0).unwrap().len(), HEADER);
}

/// Reads lengths as strictly as etherparse can and computes the checksums again.
fn check(frame: &[u8], name: &str) {
    let packet = SlicedPacket::from_ethernet(frame).unwrap();
    let net = packet.net.unwrap();
    if let NetSlice::Ipv4(ip) = &net {
        assert_eq!(ip.header().to_header().calc_header_checksum(), ip.header().header_checksum(), "{name}");
    }
    let ok = match (packet.transport, &net) {
        (Some(TransportSlice::Tcp(tcp)), NetSlice::Ipv4(ip)) => {
            tcp.calc_checksum_ipv4(ip.header().source(), ip.header().destination()).unwrap() == tcp.checksum()
        }
        (Some(TransportSlice::Tcp(tcp)), NetSlice::Ipv6(ip)) => {
            tcp.calc_checksum_ipv6(ip.header().source(), ip.header().destination()).unwrap() == tcp.checksum()
        }
        (Some(TransportSlice::Udp(udp)), NetSlice::Ipv4(ip)) => {
            let ip = ip.header().to_header();
            udp.to_header().calc_checksum_ipv4(&ip, udp.payload()).unwrap() == udp.checksum()
        }
        (Some(TransportSlice::Udp(udp)), NetSlice::Ipv6(ip)) => {
            let ip = ip.header().to_header();
            udp.to_header().calc_checksum_ipv6(&ip, udp.payload()).unwrap() == udp.checksum()
        }
        (Some(TransportSlice::Icmpv4(icmp)), _) => {
            icmp.icmp_type().calc_checksum(icmp.payload()) == icmp.checksum()
        }
        (Some(TransportSlice::Icmpv6(icmp)), NetSlice::Ipv6(ip)) => {
            icmp.is_checksum_valid(ip.header().source(), ip.header().destination())
        }
        (None, _) => true,
        other => panic!("{name}: {other:?}"),
    };
    assert!(ok, "{name}: transport checksum");
}

#[test]
fn padding_goes_inside_so_that_lengths_and_checksums_hold() {
    for (name, spec) in specs() {
        for size in 80..=1514 {
            let frame = craft(&FrameSpec { size: Some(size), ..spec.clone() }, 9).unwrap();
            assert_eq!(frame.len(), size, "{name}");
            check(&frame, name);
        }
    }
}

#[test]
fn a_size_that_is_the_content_changes_nothing() {
    for (name, spec) in specs() {
        let frame = specimen::frame(name);
        let exact = FrameSpec { size: Some(frame.len()), ..spec.clone() };
        assert_eq!(craft(&exact, 3).unwrap(), frame);
        let small = FrameSpec { size: Some(frame.len() - 1), ..spec };
        let error = craft(&small, 3).unwrap_err();
        assert_eq!(error, CraftError::TooSmall { size: frame.len() - 1, content: frame.len() });
    }
}

#[test]
fn only_the_echo_request_counts() {
    for (name, spec) in specs() {
        let same = craft(&spec, 1).unwrap() == craft(&spec, 2).unwrap();
        assert_eq!(same, !name.starts_with("icmp"), "{name}");
    }
}

#[test]
fn what_does_not_fit_is_said() {
    let tag = |id, pcp| FrameSpec { vlan: Some(Vlan { id, pcp }), ..spec(Content::Raw(EXPERIMENTAL), "") };
    assert_eq!(craft(&tag(4095, 0), 0), Err(CraftError::Vlan));
    assert_eq!(craft(&tag(1, 8), 0), Err(CraftError::Vlan));
    assert!(craft(&tag(4094, 7), 0).is_ok());
    let long = FrameSpec {
        size: Some(70_000),
        ..spec(Content::Ip(ip4(), Some(Transport::Udp { src: 1, dst: 2 })), "")
    };
    assert!(matches!(craft(&long, 0), Err(CraftError::TooLong(_))));
}
