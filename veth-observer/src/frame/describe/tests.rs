use super::*;
use crate::frame::specimen::{self, Noise, SCAPY};

fn whole(name: &str) -> Description {
    let bytes = specimen::frame(name);
    describe(&bytes, bytes.len())
}

#[test]
fn the_frame_of_the_document() {
    let text = serde_json::to_string(&whole("tcp4")).unwrap();
    assert_eq!(
        text,
        r#"{"src_mac":"22:11:11:11:11:11","dst_mac":"22:22:22:22:22:22","ethertype":"0x0800","#.to_owned()
            + r#""network":{"src":"1.1.1.1","dst":"2.2.2.2","ttl":64,"protocol":6},"#
            + r#""transport":{"kind":"tcp","src_port":1111,"dst_port":2222,"flags":"S"},"#
            + r#""cut":false,"malformed":false}"#
    );
}

#[test]
fn tags_are_looked_through() {
    assert_eq!(whole("vlan").vlans, [5]);
    let qinq = whole("qinq");
    assert_eq!((qinq.vlans, qinq.ethertype), (vec![100, 5], Some(0x0800)));
    assert_eq!(qinq.transport, Some(Transport::Udp { src_port: 53, dst_port: 5353 }));
}

#[test]
fn options_and_extension_headers_are_looked_through() {
    let flags = Some("S.".to_owned());
    assert_eq!(whole("options").transport, Some(Transport::Tcp { src_port: 80, dst_port: 81, flags }));
    let first = whole("fragment6");
    assert_eq!(first.transport, Some(Transport::Udp { src_port: 1, dst_port: 2 }));
    assert_eq!(first.network.unwrap().fragment, Some(Fragment { id: 9, offset: 0, more: true }));
}

#[test]
fn a_later_fragment_has_no_ports() {
    let later = whole("fragment4");
    assert_eq!(later.transport, None);
    let network = later.network.unwrap();
    assert_eq!(network.fragment, Some(Fragment { id: 7, offset: 1480, more: false }));
    assert_eq!(network.protocol, 17);
}

#[test]
fn icmp_and_arp() {
    let echo = Icmp { kind: 8, code: 0, echo: Some(Echo { id: 1, sequence: 3 }) };
    assert_eq!(whole("icmp4").transport, Some(Transport::Icmp(echo)));
    let solicitation = Icmp { kind: 135, code: 0, echo: None };
    assert_eq!(whole("neighbor6").transport, Some(Transport::Icmp6(solicitation)));
    let arp = whole("arp").arp.unwrap();
    assert_eq!(arp.operation, 1);
    assert_eq!(arp.sender.unwrap().ip, Ipv4Addr::new(10, 0, 0, 1));
    assert_eq!(arp.target.unwrap().mac, Mac([0; 6]));
}

#[test]
fn flags_are_written_as_tcpdump_does() {
    assert_eq!(tcp_flags(0x02), "S");
    assert_eq!(tcp_flags(0x18), "P.");
    assert_eq!(tcp_flags(0xff), "FSRP.UEW");
    assert_eq!(tcp_flags(0), "none");
}

/// How much a description holds, in a number that more bytes may only raise.
fn knowledge(description: &Description) -> usize {
    let flags = matches!(&description.transport, Some(Transport::Tcp { flags: Some(_), .. }));
    let echo = matches!(
        &description.transport,
        Some(Transport::Icmp(Icmp { echo: Some(_), .. }) | Transport::Icmp6(Icmp { echo: Some(_), .. }))
    );
    [
        description.src_mac.is_some(),
        description.dst_mac.is_some(),
        description.ethertype.is_some(),
        description.network.is_some(),
        description.network.as_ref().is_some_and(|network| network.fragment.is_some()),
        description.transport.is_some(),
        description.arp.is_some(),
        flags,
        echo,
    ]
    .into_iter()
    .map(usize::from)
    .sum::<usize>()
        + description.vlans.len()
}

#[test]
fn every_cut_of_every_frame_tells_no_less_than_a_shorter_one() {
    for (name, _) in SCAPY {
        let bytes = specimen::frame(name);
        let whole = describe(&bytes, bytes.len());
        assert!(!whole.cut && !whole.malformed, "{name}");
        let mut before = 0;
        for cut in 0..=bytes.len() {
            let description = describe(&bytes[..cut], bytes.len());
            assert_eq!(description.cut, cut < bytes.len());
            assert!(!description.malformed, "{name} cut to {cut}");
            let now = knowledge(&description);
            assert!(now >= before, "{name} cut to {cut}: {description:?}");
            before = now;
        }
        assert_eq!(before, knowledge(&whole), "{name}");
    }
}

#[test]
fn ports_and_flags_need_no_whole_tcp_header() {
    let bytes = specimen::frame("tcp4");
    let ports = describe(&bytes[..14 + 20 + 4], bytes.len());
    assert_eq!(ports.transport, Some(Transport::Tcp { src_port: 1111, dst_port: 2222, flags: None }));
    let flags = describe(&bytes[..14 + 20 + 14], bytes.len());
    assert!(matches!(flags.transport, Some(Transport::Tcp { flags: Some(_), .. })));
}

#[test]
fn addresses_need_no_whole_ipv4_header() {
    let mut bytes = specimen::frame("options");
    let whole = describe(&bytes, bytes.len()).network;
    for cut in 34..38 {
        let first = describe(&bytes[..cut], bytes.len());
        assert_eq!((first.network, first.transport), (whole.clone(), None), "{cut}");
    }
    assert_eq!(describe(&bytes[..33], bytes.len()).network, None);
    bytes[20] = 0x20;
    bytes[21] = 0x03;
    let piece = describe(&bytes[..34], bytes.len()).network.unwrap().fragment;
    assert_eq!(piece, describe(&bytes, bytes.len()).network.unwrap().fragment);
    assert_eq!(piece, Some(Fragment { id: 1, offset: 24, more: true }));
    bytes[14] = 0x66;
    assert_eq!(describe(&bytes[..34], bytes.len()).network, None, "no IPv4");
}

#[test]
fn runts_and_contradictions_are_malformed() {
    assert!(describe(&[], 0).malformed);
    assert!(describe(&[0x22; 13], 13).malformed);
    let mut bytes = specimen::frame("tcp4");
    bytes[14] = 0x41;
    assert!(describe(&bytes, bytes.len()).malformed);
    bytes[14] = 0x45;
    bytes[14 + 20 + 12] = 0x10;
    assert!(describe(&bytes, bytes.len()).malformed);
}

#[test]
fn noise_is_described_without_a_panic() {
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    for (name, _) in SCAPY {
        let good = specimen::frame(name);
        for _ in 0..20_000 {
            let mut bytes = good.clone();
            for _ in 0..=noise.next() % 4 {
                let [at, value, ..] = noise.next().to_le_bytes();
                let at = usize::from(at) % bytes.len();
                bytes[at] = value;
            }
            let keep = usize::from(noise.next().to_le_bytes()[1]) % (bytes.len() + 1);
            let _ = describe(&bytes[..keep], bytes.len());
        }
    }
    for length in 0..200 {
        for _ in 0..100 {
            let bytes = noise.bytes(length);
            let _ = describe(&bytes, length);
        }
    }
}
