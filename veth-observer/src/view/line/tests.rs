use super::{
    super::object::{
        Line, read,
        tests::{NAMES, fates, sample},
    },
    *,
};
use crate::{
    frame::{describe::describe, specimen},
    model::sample::Fate,
};

const UNICODE: Style = Style { unicode: true };

fn described(bytes: &[u8]) -> Description {
    describe(bytes, bytes.len())
}

fn shown(name: &str) -> String {
    summary(&described(&specimen::frame(name)))
}

#[test]
fn the_frame_of_the_document() {
    assert_eq!(
        line(&sample(specimen::frame("tcp4")), NAMES, UNICODE),
        "12:00:01.123456789Z  vethX>vethY  1.1.1.1.1111 > 2.2.2.2.2222  tcp [S]  57  delay 2.42 µs"
    );
}

#[test]
fn with_the_link_layer_every_frame_has_its_addresses_and_its_type() {
    let shape = Shape { style: UNICODE, link_layer: true, ..Shape::default() };
    let show = |bytes: Vec<u8>| show(&object(&sample(bytes), NAMES), shape);
    assert_eq!(
        show(specimen::frame("tcp4")),
        "12:00:01.123456789Z  vethX>vethY  22:11:11:11:11:11 > 22:22:22:22:22:22  0x0800 (IPv4)  \
         1.1.1.1.1111 > 2.2.2.2.2222  tcp [S]  57  delay 2.42 µs"
    );
    assert!(show(specimen::frame("qinq")).contains(":22  vlan 100.5  0x0800 (IPv4)  10.0.0.1.53 > "));
    assert!(show(specimen::frame("arp")).contains(":ff  0x0806 (ARP)  arp who-has "));
    let raw = [&[0x22; 12], &[0x88, 0xb5][..]].concat();
    assert!(show(raw.clone()).ends_with(":22 > 22:22:22:22:22:22  0x88b5 (experimental)  14  delay 2.42 µs"));
    assert_eq!(
        show(raw.clone()),
        line(&sample(raw), NAMES, UNICODE),
        "what is no IP and no ARP has them anyway"
    );
}

#[test]
fn each_fate_has_its_words_at_the_end() {
    let words: Vec<String> = fates()
        .into_iter()
        .map(|fate| {
            let text = line(&Sample { fate, ..sample(specimen::frame("tcp4")) }, NAMES, UNICODE);
            text.split_once("  57  ").unwrap().1.to_owned()
        })
        .collect();
    assert_eq!(
        words,
        [
            "delay 2.42 µs",
            "dropped qdisc QDISC_DROP __dev_queue_xmit",
            "dropped veth - __dev_queue_xmit",
            "lost",
            "unmatched",
            "fate unknown",
        ]
    );
}

#[test]
fn among_arrivals_a_departure_is_told_apart() {
    let shape = Shape { point: true, ..Shape::default() };
    for (point, word) in [(Point::Sent, "sent      "), (Point::Received, "received  ")] {
        let sample = Sample { point, ..sample(specimen::frame("arp")) };
        let text = show(&object(&sample, NAMES), shape);
        assert!(text.starts_with(&format!("12:00:01.123456789Z  {word}vethX>vethY  arp who-has")), "{text}");
    }
}

#[test]
fn bytes_stand_below_and_steer_nothing() {
    let shape = Shape { hex: true, ..Shape::default() };
    let bytes = [&[0x22; 12], &[0x88, 0xb5][..], b"\x1b[2J\x9b\x07"].concat();
    let text = show(&object(&sample(bytes.clone()), NAMES).with_bytes(&bytes), shape);
    let rows: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(
        rows,
        [
            "\t0000  22 22 22 22 22 22 22 22  22 22 22 22 88 b5 1b 5b  \"\"\"\"\"\"\"\"\"\"\"\"...[",
            "\t0010  32 4a 9b 07                                       2J..",
        ]
    );
    assert!(!text.contains(|c: char| c.is_control() && c != '\n' && c != '\t'), "{text:?}");
    assert_eq!(show(&object(&sample(bytes), NAMES), shape).lines().count(), 1, "no bytes, no rows");
}

#[test]
fn a_cut_frame_tells_what_its_bytes_tell() {
    let macs = "22:11:11:11:11:11 > 22:22:22:22:22:22";
    for (name, kept, words) in [
        ("tcp4", 14, format!("{macs}  0x0800 (IPv4)")),
        ("tcp4", 20, format!("{macs}  0x0800 (IPv4)")),
        ("tcp4", 34, "1.1.1.1 > 2.2.2.2  tcp".to_owned()),
        ("tcp4", 38, "1.1.1.1.1111 > 2.2.2.2.2222  tcp".to_owned()),
        ("tcp4", 54, "1.1.1.1.1111 > 2.2.2.2.2222  tcp [S]".to_owned()),
        ("vlan", 20, format!("{macs}  vlan 5  0x0800 (IPv4)")),
        ("vlan", 42, "vlan 5  10.0.0.1.53 > 10.0.0.2.5353  udp".to_owned()),
        ("udp6", 34, format!("{macs}  0x86dd (IPv6)")),
        ("udp6", 54, "fd00::1 > fd00::2  udp".to_owned()),
        ("udp6", 58, "fd00::1.1 > fd00::2.2  udp".to_owned()),
        ("icmp4", 36, "10.0.0.1 > 10.0.0.2  icmp echo request".to_owned()),
        ("icmp4", 34, "10.0.0.1 > 10.0.0.2  icmp".to_owned()),
        ("options", 34, "10.0.0.1 > 10.0.0.2  tcp".to_owned()),
        ("arp", 20, format!("{macs}  0x0806 (ARP)").replace("22:22:22:22:22:22", "ff:ff:ff:ff:ff:ff")),
    ] {
        let whole = specimen::frame(name);
        let len = u32::try_from(whole.len()).unwrap();
        let text = line(&Sample { len, ..sample(whole[..kept].to_vec()) }, NAMES, UNICODE);
        assert!(
            text.ends_with(&format!("vethX>vethY  {words}  {len}  delay 2.42 µs")),
            "{name} {kept}: {text}"
        );
    }
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
    let raw = |tail: &[u8]| summary(&described(&[&[0x22; 12], tail].concat()));
    assert!(raw(&[0x88, 0xb5, 1]).ends_with("  0x88b5 (experimental)"));
    assert!(raw(&[0x12, 0x34]).ends_with("  0x1234"));
    assert!(raw(&[0x00, 0x26]).ends_with("  0x0026 (802.3)"));
    assert_eq!(raw(&[0x08]), "22:22:22:22:22:22 > 22:22:22:22:22:22  (no EtherType)  malformed");
    assert_eq!(summary(&describe(&[1, 2, 3], 3)), "(too short)");
}

#[test]
fn what_was_read_back_cannot_steer_the_terminal() {
    let hostile = r#"{"schema":1,"ts_ns":0,"time":"\u001b[1m","point":"sent","end":"\u001b","from":"\u001b[2J",
        "to":"\n","number":null,"fate":"dropped","delay_ns":null,"stage":"qdisc","reason":"\u009b31m",
        "location":"\u202e","len":1,"frames":1,"src_mac":"02:00:00:00:00:01","dst_mac":"02:00:00:00:00:02",
        "network":{"src":"10.0.0.1","dst":"10.0.0.2","ttl":1,"protocol":6},
        "transport":{"kind":"tcp","src_port":1,"dst_port":2,"flags":"\u0007"},"cut":false,"malformed":false}"#;
    let Ok(Line::Frame(object)) = read(hostile.replace('\n', "").as_bytes()) else { panic!("it is a frame") };
    let text = show(&object, Shape { point: true, link_layer: true, ..Shape::default() });
    assert_eq!(
        text,
        "00:00:00.000000000Z  sent      \\u{1b}[2J>\\n  02:00:00:00:00:01 > 02:00:00:00:00:02  \
         10.0.0.1.1 > 10.0.0.2.2  tcp [\\u{7}]  1  dropped qdisc \\u{9b}31m \\u{202e}"
    );
}

#[test]
fn a_name_cannot_steer_the_terminal() {
    let text = line(&sample(specimen::frame("arp")), ["a\u{1b}[2J", "b\r"], UNICODE);
    assert!(!text.contains(char::is_control), "{text}");
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
