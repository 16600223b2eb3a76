use super::*;
use crate::{
    frame::specimen,
    model::sample::{Fate, Point},
};

const UNICODE: Style = Style { unicode: true };
const NAMES: [&str; 2] = ["vethX", "vethY"];

fn sample(bytes: Vec<u8>) -> Sample {
    let len = u32::try_from(bytes.len()).unwrap();
    // 2026-01-02T12:00:01.123456789Z
    Sample {
        from: 0,
        point: Point::Received,
        number: None,
        at_ns: 1_767_355_201_123_456_789,
        fate: Fate::Delivered { delay_ns: 2420 },
        len,
        frames: 1,
        bytes,
    }
}

fn shown(name: &str) -> String {
    summary(&described(&sample(specimen::frame(name))))
}

#[test]
fn the_frame_of_the_document() {
    assert_eq!(
        line(&sample(specimen::frame("tcp4")), NAMES, UNICODE),
        "12:00:01.123456789Z  vethX>vethY  22:11:11:11:11:11 > 22:22:22:22:22:22  \
         1.1.1.1.1111 > 2.2.2.2.2222  tcp [S]  57  delay 2.42 µs"
    );
}

#[test]
fn many_frames_in_one_buffer_from_the_other_end_and_no_delay() {
    let frame = specimen::frame("tcp4");
    let many = Sample { from: 1, fate: Fate::Unmatched, frames: 44, len: 63_790, ..sample(frame) };
    let text = line(&many, NAMES, Style { unicode: false });
    assert!(text.contains("  vethY>vethX  "), "{text}");
    assert!(text.ends_with("  tcp [S]  63790  x44 frames  unmatched"), "{text}");
    assert!(line(&many, NAMES, UNICODE).contains("  ×44 frames  "));
}

#[test]
fn each_kind_of_frame_has_its_words() {
    let macs = "22:11:11:11:11:11 > 22:22:22:22:22:22  ";
    for (name, words) in [
        ("vlan", "vlan 5  10.0.0.1.53 > 10.0.0.2.5353  udp"),
        ("qinq", "vlan 100.5  10.0.0.1.53 > 10.0.0.2.5353  udp"),
        ("udp6", "fd00::1.1 > fd00::2.2  udp"),
        ("icmp4", "10.0.0.1 > 10.0.0.2  icmp echo request id 1 seq 3"),
        ("icmp6", "fd00::1 > fd00::2  icmp6 echo request id 1 seq 3"),
        ("ip4", "10.0.0.1 > 10.0.0.2  experimental"),
        ("options", "10.0.0.1.80 > 10.0.0.2.81  tcp [S.]"),
        ("fragment4", "10.0.0.1 > 10.0.0.2  udp  fragment 7 at 1480"),
        ("fragment6", "fd00::1.1 > fd00::2.2  udp  fragment 9 at 0+"),
    ] {
        assert_eq!(shown(name), format!("{macs}{words}"), "{name}");
    }
    assert_eq!(shown("arp"), "22:11:11:11:11:11 > ff:ff:ff:ff:ff:ff  arp who-has 10.0.0.2 tell 10.0.0.1");
    assert!(shown("neighbor6").ends_with("  icmp6 neighbor solicitation"));
}

#[test]
fn frames_that_are_not_ip_or_not_whole() {
    let raw = |tail: &[u8]| summary(&described(&sample([&[0x22; 12], tail].concat())));
    assert!(raw(&[0x88, 0xb5, 1]).ends_with("  0x88b5 (experimental)"));
    assert!(raw(&[0x12, 0x34]).ends_with("  0x1234"));
    assert!(raw(&[0x00, 0x26]).ends_with("  0x0026 (802.3)"));
    assert_eq!(raw(&[0x08]), "22:22:22:22:22:22 > 22:22:22:22:22:22  (no EtherType)  malformed");
    assert_eq!(summary(&describe(&[1, 2, 3], 3)), "(too short)");
}

#[test]
fn a_name_cannot_steer_the_terminal() {
    let text = line(&sample(specimen::frame("arp")), ["a\u{1b}[2J", "b\r"], UNICODE);
    assert!(!text.contains(char::is_control), "{text}");
}

#[test]
fn json_is_one_flat_object() {
    let text = serde_json::to_string(&object(&sample(specimen::frame("arp")), NAMES)).unwrap();
    assert_eq!(
        text,
        concat!(
            r#"{"schema":1,"ts_ns":1767355201123456789,"time":"2026-01-02T12:00:01.123456789Z","#,
            r#""from":"vethX","to":"vethY","delay_ns":2420,"len":42,"frames":1,"#,
            r#""src_mac":"22:11:11:11:11:11","dst_mac":"ff:ff:ff:ff:ff:ff","ethertype":"0x0806","#,
            r#""arp":{"operation":1,"sender":{"mac":"22:11:11:11:11:11","ip":"10.0.0.1"},"#,
            r#""target":{"mac":"00:00:00:00:00:00","ip":"10.0.0.2"}},"cut":false,"malformed":false}"#
        )
    );
    let unmatched = Sample { fate: Fate::Unmatched, ..sample(vec![]) };
    assert!(serde_json::to_string(&object(&unmatched, NAMES)).unwrap().contains(r#""delay_ns":null"#));
}

#[test]
fn every_cut_and_every_time_prints() {
    for (name, _) in specimen::SCAPY {
        let whole = specimen::frame(name);
        for cut in 0..=whole.len() {
            let bytes = whole[..cut].to_vec();
            for at_ns in [0, u64::MAX] {
                let cut = Sample { at_ns, len: u32::MAX, bytes: bytes.clone(), ..sample(vec![]) };
                assert!(!line(&cut, NAMES, UNICODE).contains('\n'));
            }
        }
    }
}
