use clap::Parser;

use super::{device::fits, *};
use crate::{
    fault::Fault,
    frame::{craft::HEADER, specimen},
    model::link::End,
};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    send: Send,
}

fn parse(flags: &str) -> Result<Send, clap::Error> {
    let words = ["send", "vethX"].into_iter().chain(flags.split_whitespace());
    Line::try_parse_from(words).map(|line| line.send)
}

fn frame(flags: &str) -> Result<Vec<u8>> {
    let macs = ["22:11:11:11:11:11", "22:22:22:22:22:22"].map(|mac| mac.parse().ok());
    Ok(parse(flags)?.frame.frames(macs)?.get(3)?.into_owned())
}

#[test]
fn flags_make_the_frames_of_scapy() {
    for (flags, name) in [
        ("--ip4 1.1.1.1,2.2.2.2 --tcp 1111,2222 --payload 123", "tcp4"),
        ("--vlan 5,3 --ip4 10.0.0.1,10.0.0.2 --udp 53,5353 --payload hello", "vlan"),
        ("--ip6 fd00::1,fd00::2 --udp 1,2 --payload hex:68:65:6c:6c:6f", "udp6"),
        ("--ip4 10.0.0.1,10.0.0.2 --icmp --payload ping", "icmp4"),
        ("--ip6 fd00::1,fd00::2 --icmp --payload ping", "icmp6"),
    ] {
        assert_eq!(frame(flags).unwrap(), specimen::frame(name), "{flags}");
    }
}

#[test]
fn without_flags_it_greets() {
    let greeting = frame("").unwrap();
    assert_eq!(greeting[12..14], [0x88, 0xb5]);
    assert_eq!(&greeting[14..], b"hello from veth-observer");
    assert_eq!(frame("--size 60").unwrap().len(), 60);
    assert_eq!(frame("--ethertype 0x1234").unwrap().len(), HEADER);
    assert_eq!(frame("--frame-hex 222222222222:221111111111:88b5").unwrap().len(), 14);
}

#[test]
fn contradictions_are_usage_errors() {
    for flags in [
        "--udp 1,2",
        "--tcp 1,2",
        "--icmp",
        "--ip4 1.1.1.1,2.2.2.2 --ip6 ::1,::2",
        "--ip4 1.1.1.1,2.2.2.2 --udp 1,2 --tcp 1,2",
        "--ip4 1.1.1.1,2.2.2.2 --ethertype 0x0800",
        "--ip4 1.1.1.1",
        "--ip4 1.1.1.1,fd00::1",
        "--udp 1,65536 --ip4 1.1.1.1,2.2.2.2",
        "--vlan 4095",
        "--vlan 1,8",
        "--ethertype 0x05dc",
        "--ethertype 0x10000",
        "--src-mac 02:00",
        "--payload hex:0",
        "--frame-hex 22 --vlan 1",
        "--frame-hex 22 --icmp",
        "--frame-hex 22 --size 60",
        "-c 0",
        "--interval fast",
        "--from c",
        "--timeout 1s",
        "--dry-run --verify",
        "--speed 2",
        "--pps 10",
        "--loop 2",
        "--size 100 --pps 10",
        "--size 100 --speed 2",
        "--size 100 --loop 2",
        "--replay x.pcap --speed 0",
        "--replay x.pcap --speed -1",
        "--replay x.pcap --speed inf",
        "--replay x.pcap --speed fast",
        "--replay x.pcap --pps 0",
        "--replay x.pcap --speed 2 --pps 10",
        "--replay x.pcap --loop 0",
        "--replay x.pcap --interval 1s",
        "--replay x.pcap --icmp --ip4 1.1.1.1,2.2.2.2",
        "--replay x.pcap --payload x",
        "--replay x.pcap --frame-hex 22",
    ] {
        let error = parse(flags).err().unwrap_or_else(|| panic!("{flags} was taken"));
        assert_eq!(error.exit_code(), 2, "{flags}");
    }
}

#[test]
fn what_only_the_frame_shows_is_a_usage_fault_in_one_sentence() {
    for (flags, message) in [
        ("--size 20 --payload 1234567", "a frame of 20 bytes cannot hold its content of 21 bytes"),
        ("--size 65554", "--size: no veth takes more than 65553 bytes"),
        ("--frame-hex 2222", "--frame-hex has length 2; an Ethernet header alone has 14 bytes"),
        ("--frame-hex 222", "--frame-hex: 3 hex digits do not make whole bytes"),
        ("--frame-hex 0x22", "--frame-hex: 'x' is not a hex digit"),
    ] {
        let error = frame(flags).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(error.downcast_ref::<Fault>().unwrap().kind.exit_code(), 2);
    }
    let hidden = parse("").unwrap().frame.frames([None; 2]).unwrap_err();
    assert_eq!(hidden.to_string(), "the MAC of the sending end cannot be seen; give --src-mac");
}

#[test]
fn the_mtu_allows_a_header_and_a_tag_more() {
    let end = End { ifname: Some("vethX".into()), mtu: Some(1500), ..End::default() };
    assert!(fits(&frame("--size 1514").unwrap(), &end).is_ok());
    assert!(fits(&frame("--size 1518 --vlan 1").unwrap(), &end).is_ok());
    let fault = fits(&frame("--size 1515").unwrap(), &end).unwrap_err();
    assert_eq!(
        fault.message,
        "a frame of 1515 bytes is too long for vethX, which takes 1514 (its MTU and the Ethernet header)"
    );
    assert!(fits(&[0; 9000], &End { mtu: None, ..end }).is_ok());
}
