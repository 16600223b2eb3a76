//! Frames, bytes and delays against the device counters and against captures at both ends.

use std::{net::SocketAddr, time::Duration};

use veth_observer::{
    model::report::DirectionReport,
    observe::{Sampling, Settings},
};

use super::{delays, more, quantile};
use crate::support::{
    traffic::DeviceCounters,
    wire::{Wire, X, Y, Y_IP, assert_closed},
    witness::{Capture, Captured},
};

/// At the median. Both taps lie between our hooks: beside the way from the hook to the tap and from the tap to the hook, ours
/// holds what the taps do to the frame, and the backlog, since the time of the tap at Y is that of entering it.
const BOUND_NS: i64 = 5_000;

fn to_y() -> SocketAddr {
    SocketAddr::new(Y_IP.parse().unwrap(), 9)
}

/// What the captures at X and Y and both devices say about a direction, where they agree with each other.
struct Witnesses {
    captured: [Vec<Captured>; 2],
    devices: [DeviceCounters; 2],
}

/// Runs traffic under observation, between captures at both ends.
fn witnessed(wire: &Wire, filter: &str, traffic: impl FnOnce()) -> (Witnesses, [DirectionReport; 2]) {
    let taps = [Capture::start(&wire.lab, 0, X), Capture::start(&wire.lab, 1, Y)];
    let before = [wire.lab.device_counters(0, X), wire.lab.device_counters(1, Y)];
    let ((), directions) = wire.during(traffic);
    let after = [wire.lab.device_counters(0, X), wire.lab.device_counters(1, Y)];
    let frames = usize::try_from(directions.iter().map(|way| way.sent.frames).sum::<u64>()).unwrap();
    let captured = taps.map(|capture| capture.frames(filter, frames));
    let devices = [0, 1].map(|at| DeviceCounters {
        tx_packets: after[at].tx_packets - before[at].tx_packets,
        tx_bytes: after[at].tx_bytes - before[at].tx_bytes,
        rx_packets: after[at].rx_packets - before[at].rx_packets,
        rx_bytes: after[at].rx_bytes - before[at].rx_bytes,
    });
    (Witnesses { captured, devices }, directions)
}

/// Both ways together in the captures, each way in the devices, to the frame and to the byte.
#[track_caller]
fn assert_agree(witnesses: &Witnesses, [out, back]: &[DirectionReport; 2]) {
    assert_closed(out);
    assert_closed(back);
    for captured in &witnesses.captured {
        let bytes: u64 = captured.iter().map(|frame| frame.len).sum();
        assert_eq!(captured.len() as u64, out.sent.frames + back.sent.frames);
        assert_eq!(bytes, out.sent.bytes + back.sent.bytes);
    }
    let [x, y] = witnesses.devices;
    assert_eq!((x.tx_packets, x.tx_bytes), (out.sent.frames, out.sent.bytes));
    assert_eq!((y.rx_packets, y.rx_bytes), (out.received.frames, out.received.bytes));
    assert_eq!((y.tx_packets, y.tx_bytes), (back.sent.frames, back.sent.bytes));
    assert_eq!((x.rx_packets, x.rx_bytes), (back.received.frames, back.received.bytes));
}

#[test]
fn udp_to_the_frame_and_the_byte() {
    let wire = Wire::new();
    wire.over_both(|| {
        let (witnesses, directions) = witnessed(&wire, "udp", || {
            assert_eq!(wire.lab.send_datagrams([0, 1], to_y(), 700, 20_000), 20_000);
        });
        assert_eq!(directions[0].sent.frames, 20_000);
        assert_agree(&witnesses, &directions);
    });
}

#[test]
fn tcp_without_gso_to_the_frame_and_the_byte() {
    let wire = Wire::new();
    for (at, ifname) in [(0, X), (1, Y)] {
        wire.lab.exec(at, &["ethtool", "-K", ifname, "tso", "off", "gso", "off", "gro", "off"]);
    }
    wire.over_both(|| {
        let (witnesses, directions) = witnessed(&wire, "tcp", || {
            assert_eq!(wire.lab.send_stream([0, 1], to_y(), 8 << 20), 8 << 20);
        });
        assert!(directions[0].sent.frames > 5_000 && directions[1].sent.frames > 10);
        assert_agree(&witnesses, &directions);
    });
}

#[test]
fn delays_against_the_time_stamps_of_the_captures() {
    const COUNT: u64 = 1_000;
    let wire = Wire::new();
    let captures = [Capture::start(&wire.lab, 0, X), Capture::start(&wire.lab, 1, Y)];
    let sampling = Some(Sampling { rate: 1, snaplen: 14, ring_bytes: 1 << 22, ..Sampling::default() });
    let mut observation = wire.observe(Settings { sampling, ..wire.settings() });
    let ours = delays(&wire, &mut observation, 0x88b5, COUNT, Duration::ZERO);
    drop(observation);
    let [left, arrived] = captures.map(|capture| capture.frames("eth.type == 0x88b5", ours.len()));
    let theirs: Vec<i64> =
        left.iter().zip(&arrived).map(|(left, arrived)| arrived.at_ns - left.at_ns).collect();
    assert_eq!(left.len(), arrived.len());
    let more = more(&ours, &theirs);
    // The wall clock may be slewed, by 500 parts in a million at most, and never within a frame's delay to speak of.
    assert!(quantile(&more, 10) >= 0, "less than between the taps: {:?}", &more[..10]);
    assert!(quantile(&more, 500) < BOUND_NS, "{}", quantile(&more, 500));
}
