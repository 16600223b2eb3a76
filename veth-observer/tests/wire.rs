//! Exact counts on a real pair between two namespaces, against the devices' own counters and a sender that knows.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use veth_observer::{
    frame::craft::{Content, FrameSpec, Ip, Transport, Vlan, craft},
    model::mac::Mac,
    observe::Settings,
};

use crate::support::{
    bpf::{self, Hook},
    traffic::DeviceCounters,
    wire::{Wire, X, X_MAC, Y, Y_IP, Y_MAC, assert_closed},
};

const MANY: u64 = 100_000;

fn to_y(port: u16) -> SocketAddr {
    SocketAddr::new(Y_IP.parse().unwrap(), port)
}

/// What the devices counted between two readings; both ends must agree.
fn devices(wire: &Wire, traffic: impl FnOnce()) -> DeviceCounters {
    let read = || (wire.lab.device_counters(0, X), wire.lab.device_counters(1, Y));
    let before = read();
    traffic();
    let after = read();
    let x = DeviceCounters {
        tx_packets: after.0.tx_packets - before.0.tx_packets,
        tx_bytes: after.0.tx_bytes - before.0.tx_bytes,
        rx_packets: after.0.rx_packets - before.0.rx_packets,
        rx_bytes: after.0.rx_bytes - before.0.rx_bytes,
    };
    assert_eq!(after.1.rx_packets - before.1.rx_packets, x.tx_packets);
    assert_eq!(after.1.tx_packets - before.1.tx_packets, x.rx_packets);
    x
}

/// `MANY` equal frames from X: as many sent, received and counted by the devices, to the byte; over tcx and over clsact.
#[track_caller]
fn exactly(wire: &Wire, frame: &[u8]) {
    wire.over_both(|| exactly_once(wire, frame));
}

fn exactly_once(wire: &Wire, frame: &[u8]) {
    let ((), [out, back]) = wire.during(|| {
        let counted = devices(wire, || wire.lab.send_frames(0, X, frame, MANY));
        let bytes = MANY * frame.len() as u64;
        assert_eq!((counted.tx_packets, counted.tx_bytes, counted.rx_packets), (MANY, bytes, 0));
    });
    let bytes = MANY * frame.len() as u64;
    assert_eq!((out.sent.skbs, out.sent.frames, out.sent.bytes), (MANY, MANY, bytes));
    assert_eq!((out.received.skbs, out.received.frames, out.received.bytes), (MANY, MANY, bytes));
    assert_closed(&out);
    assert_eq!((back.sent.frames, back.received.frames, back.unmatched), (0, 0, 0));
}

fn frame(content: Content, payload: usize) -> Vec<u8> {
    let (src_mac, dst_mac) = (Mac(X_MAC), Mac(Y_MAC));
    craft(&FrameSpec { src_mac, dst_mac, vlan: None, content, payload: vec![0x5a; payload], size: None }, 0)
        .unwrap()
}

#[test]
fn udp_datagrams() {
    let wire = Wire::new();
    wire.over_both(|| {
        let (read, [out, back]) = wire.during(|| {
            let mut read = 0;
            let counted = devices(&wire, || read = wire.lab.send_datagrams([0, 1], to_y(9), 100, MANY));
            assert_eq!((counted.tx_packets, counted.tx_bytes), (MANY, MANY * 142));
            read
        });
        assert_eq!(read, MANY);
        assert_eq!((out.sent.frames, out.received.frames), (MANY, MANY));
        assert_eq!((out.sent.bytes, out.received.bytes), (MANY * 142, MANY * 142));
        assert_closed(&out);
        assert_eq!(back.sent.frames, 0);
    });
}

#[test]
fn arp_requests() {
    // Who has 10.77.0.9? Nobody, so nobody answers.
    let mut arp = frame(Content::Raw(0x0806), 0);
    arp.extend([0, 1, 8, 0, 6, 4, 0, 1]);
    arp.extend([&X_MAC[..], &[10, 77, 0, 1], &[0; 6], &[10, 77, 0, 9]].concat());
    exactly(&Wire::new(), &arp);
}

#[test]
fn ipv6_frames() {
    let ip = Ip::V6 {
        src: Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1),
        dst: Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2),
    };
    exactly(&Wire::new(), &frame(Content::Ip(ip, Some(Transport::Udp { src: 1, dst: 2 })), 64));
}

#[test]
fn frames_of_the_local_experiment_and_the_shortest_there_are() {
    let wire = Wire::new();
    exactly(&wire, &frame(Content::Raw(0x88b5), 50));
    exactly(&wire, &frame(Content::Raw(0x88b5), 0));
}

#[test]
fn vlan_frames_whose_tag_the_kernel_takes_out() {
    let (src_mac, dst_mac) = (Mac(X_MAC), Mac(Y_MAC));
    let vlan = Some(Vlan { id: 100, pcp: 3 });
    let ip = Ip::V4 { src: Ipv4Addr::new(10, 0, 0, 1), dst: Ipv4Addr::new(10, 0, 0, 2) };
    let content = Content::Ip(ip, Some(Transport::Udp { src: 1, dst: 2 }));
    let spec = FrameSpec { src_mac, dst_mac, vlan, content, payload: vec![0x5a; 64], size: None };
    exactly(&Wire::new(), &craft(&spec, 0).unwrap());
}

#[test]
fn jumbo_frames() {
    let wire = Wire::with_mtu(9000);
    exactly(&wire, &frame(Content::Raw(0x88b5), 9000));
    let (read, [out, _]) = wire.during(|| wire.lab.send_datagrams([0, 1], to_y(9), 8972, MANY));
    assert_eq!((read, out.sent.frames, out.sent.bytes), (MANY, MANY, MANY * 9014));
    assert_closed(&out);
}

/// Ethernet, IPv4, and TCP with the timestamp option, which every segment after the handshake carries.
const TCP_HEADER: u64 = 14 + 20 + 32;

#[test]
fn tcp_with_gso_in_frames_and_bytes_against_the_stack_s_own_segment_counter() {
    let wire = Wire::new();
    let bytes = 256 << 20;
    // What is sent again, on a busy machine without need, counts apart.
    let segments =
        || [0, 1].map(|at| wire.lab.snmp(at, "Tcp", "OutSegs") + wire.lab.snmp(at, "Tcp", "RetransSegs"));
    let (counted, [out, back]) = wire.during(|| {
        let before = segments();
        let mut arrived = 0;
        let counted = devices(&wire, || arrived = wire.lab.send_stream([0, 1], to_y(9), bytes));
        assert_eq!(arrived, bytes);
        let after = segments();
        (counted, [after[0] - before[0], after[1] - before[1]])
    });
    let (device, [out_segments, back_segments]) = counted;
    assert!(out.sent.frames > MANY && out.sent.skbs * 5 < out.sent.frames, "there was GSO: {out:#?}");
    assert_eq!((out.sent.frames, back.sent.frames), (out_segments, back_segments));
    assert_eq!(out.sent.skbs, device.tx_packets);
    // The device counts the header of a super-frame once.
    assert_eq!(out.sent.bytes, device.tx_bytes + (out.sent.frames - out.sent.skbs) * TCP_HEADER);
    assert_closed(&out);
    assert_closed(&back);
}

#[test]
fn tcp_cut_into_segments_on_the_way_through_a_queue() {
    let wire = Wire::new();
    // A token bucket must cut what is larger than its burst (net/sched/sch_tbf.c, tbf_segment).
    wire.lab.ip(0, &["link", "set", X, "txqueuelen", "1000"]);
    wire.lab.exec(
        0,
        &["tc", "qdisc", "add", "dev", X, "root", "tbf", "rate", "4gbit", "burst", "10kb", "limit", "100mb"],
    );
    wire.over_both(|| {
        let (arrived, [out, back]) = wire.during(|| wire.lab.send_stream([0, 1], to_y(9), 32 << 20));
        assert_eq!(arrived, 32 << 20);
        assert!(out.received.skbs > out.sent.skbs, "segments arrive apart: {out:#?}");
        assert_closed(&out);
        assert_closed(&back);
    });
}

#[test]
fn tcp_without_gso_frame_by_frame_with_the_device() {
    let wire = Wire::new();
    for (at, ifname) in [(0, X), (1, Y)] {
        wire.lab.exec(at, &["ethtool", "-K", ifname, "tso", "off", "gso", "off"]);
    }
    let (counted, [out, back]) = wire
        .during(|| devices(&wire, || assert_eq!(wire.lab.send_stream([0, 1], to_y(9), 64 << 20), 64 << 20)));
    assert_eq!((out.sent.frames, back.sent.frames), (counted.tx_packets, counted.rx_packets));
    assert_closed(&out);
    assert_closed(&back);
}

#[test]
fn both_ways_at_once() {
    let wire = Wire::new();
    let (one, other) = (frame(Content::Raw(0x88b5), 100), frame(Content::Raw(0x88b6), 200));
    let ((), [out, back]) = wire.during(|| {
        std::thread::scope(|scope| {
            scope.spawn(|| wire.lab.send_frames(0, X, &one, MANY));
            scope.spawn(|| wire.lab.send_frames(1, Y, &other, MANY));
        });
    });
    assert_eq!((out.sent.frames, out.sent.bytes), (MANY, MANY * one.len() as u64));
    assert_eq!((back.sent.frames, back.sent.bytes), (MANY, MANY * other.len() as u64));
    assert_closed(&out);
    assert_closed(&back);
}

#[test]
fn what_an_xdp_program_eats_is_dropped_to_the_frame() {
    let wire = Wire::new();
    let drop_all = bpf::load(Hook::Xdp, "eater", 1);
    let link =
        wire.lab.namespace(1).run(|| bpf::attach(&drop_all, wire.lab.ifindex(1, Y), Hook::Xdp)).unwrap();
    let observation = wire.observe(Settings::default());
    wire.lab.send_frames(0, X, &frame(Content::Raw(0x88b5), 50), 1234);
    let mut report = wire.finish(observation);
    let [out, _] = report.pairs.remove(0).directions;
    assert_eq!((out.sent.frames, out.received.frames, out.dropped_frames()), (1234, 0, 1234));
    assert_eq!((out.lost, out.in_flight), (0, 0));
    assert_eq!((out.unexplained, out.unmatched), (0, 0));
    drop(link);
}

#[test]
fn frames_still_in_a_queue_are_in_flight_and_then_arrive() {
    let wire = Wire::new();
    wire.lab.exec(
        0,
        &["tc", "qdisc", "add", "dev", X, "root", "tbf", "rate", "1mbit", "burst", "2kb", "limit", "1mb"],
    );
    let mut observation = wire.observe(Settings::default());
    let frame = frame(Content::Raw(0x88b5), 986);
    wire.lab.send_frames(0, X, &frame, 50);
    let report = observation.report().unwrap();
    let [out, _] = &report.pairs[0].directions;
    assert!(out.in_flight > 0 && out.lost == 0, "{out:#?}");
    assert_eq!(out.received.frames + out.in_flight, 50);
    // 50 000 bytes at 1 Mbit/s take 0.4 s, less than the loss timeout.
    let mut report = wire.finish(observation);
    let [out, _] = report.pairs.remove(0).directions;
    assert_closed(&out);
    assert!(out.delay.max_ns.unwrap() > 300_000_000, "{out:#?}");
}
