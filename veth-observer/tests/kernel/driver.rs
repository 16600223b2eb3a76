//! The driver's own counters, against ethtool and a sender that knows.

use veth_observer::{collect::driver_counts, model::driver::DriverCounts};

use crate::support::{
    bpf::{self, Hook},
    wire::{Wire, X, Y},
};

fn counts(wire: &Wire, at: usize, ifname: &str) -> DriverCounts {
    let ifindex = wire.lab.ifindex(at, ifname);
    wire.lab.namespace(at).run(|| driver_counts(ifindex)).unwrap().unwrap()
}

/// The sum of `rx_queue_N_NAME` over all queues as ethtool prints it.
fn by_ethtool(wire: &Wire, at: usize, ifname: &str, name: &str) -> u64 {
    let statistics = wire.lab.exec(at, &["ethtool", "-S", ifname]);
    let of = |line: &str| {
        let (key, value) = line.trim().split_once(": ")?;
        let (_, rest) = key.strip_prefix("rx_queue_")?.split_once('_')?;
        (rest == name).then(|| value.parse::<u64>().unwrap())
    };
    let values: Vec<u64> = statistics.lines().filter_map(of).collect();
    assert!(!values.is_empty(), "{statistics}");
    values.iter().sum()
}

#[test]
fn what_a_native_xdp_program_drops_is_counted_by_the_driver() {
    let wire = Wire::new();
    assert_eq!(counts(&wire, 1, Y), DriverCounts::default());
    let eater = bpf::load(Hook::Xdp, "eater", 1);
    let link = wire.lab.namespace(1).run(|| bpf::attach(&eater, wire.lab.ifindex(1, Y), Hook::Xdp)).unwrap();
    let frame = [&[0xff; 12][..], &[0x88, 0xb5], &[0; 50]].concat();
    wire.lab.send_frames(0, X, &frame, 1234);
    crate::support::netns::eventually("all frames are dropped", || counts(&wire, 1, Y).xdp_drops == 1234);
    let found = counts(&wire, 1, Y);
    assert_eq!(found, DriverCounts { xdp_drops: 1234, ..DriverCounts::default() });
    let expected = ["xdp_drops", "drops"].map(|name| by_ethtool(&wire, 1, Y, name));
    assert_eq!([found.xdp_drops, found.drops], expected);
    assert_eq!(counts(&wire, 0, X), DriverCounts::default());
    drop(link);
}

#[test]
fn a_device_that_is_not_there_or_has_no_statistics_is_an_error() {
    let wire = Wire::new();
    let read = |ifindex| wire.lab.namespace(0).run(|| driver_counts(ifindex)).unwrap().unwrap_err();
    assert_eq!(read(4_000_000).raw_os_error(), Some(libc::ENODEV));
    let loopback = 1;
    assert_eq!(read(loopback).kind(), std::io::ErrorKind::Unsupported);
}
