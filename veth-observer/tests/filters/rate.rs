//! A filter and a rate: one in so many of those that match.

use std::sync::Arc;

use veth_observer::{
    kernel::{Hook, Sampling},
    pcap,
};

use super::frames::frames;
use crate::support::programs::{Bench, Context};

#[test]
fn the_rate_is_of_the_frames_that_match() {
    let frame = |name| frames().into_iter().find(|frame| frame.name == name).unwrap().bytes;
    let (tcp, udp) = (frame("tcp4"), frame("udp4"));
    let filter = Some(Arc::new(pcap::compile("tcp").unwrap()));
    let sampling = Sampling { rate: 10, filter, departures: true, ..Sampling::default() };
    let mut bench = Bench::at(Hook::Tc, 0, Some(sampling.clone()));
    for _ in 0..50 {
        for frame in [&udp, &tcp, &udp] {
            bench.cross(0, frame, Context::default());
            // Not seen to leave.
            bench.run(0, true, frame, Context::default());
        }
    }
    // Counters are per CPU, and the first frame on each is sampled: a move to another CPU may add one.
    let cpus = std::thread::available_parallelism().unwrap().get() as u64;
    for counted in [bench.sent(0).sampling, bench.received(0).sampling, bench.received(1).sampling] {
        assert_eq!((counted.filtered, counted.skipped + counted.taken), (100, 50), "{counted:?}");
        assert!((5..5 + cpus).contains(&counted.taken), "{counted:?}");
    }

    let mut bench = Bench::at(Hook::Xdp { generic: false }, 0, Some(sampling));
    // There frames are chosen by their bytes, so that both ends choose the same.
    for number in 0..500_u16 {
        for mut frame in [udp.clone(), tcp.clone()] {
            frame.extend(number.to_be_bytes());
            bench.run_xdp(1, false, &frame);
        }
    }
    let counted = bench.received(0).sampling;
    assert_eq!((counted.filtered, counted.skipped + counted.taken), (500, 500));
    assert!((15..150).contains(&counted.taken), "{counted:?}");
}
