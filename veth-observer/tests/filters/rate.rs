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
    let sampling = Sampling { rate: 10, filter, ..Sampling::default() };
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
    let (sent, stamped, unmatched) = (bench.sent(0), bench.received(0), bench.received(1));
    assert_eq!((sent.skbs, sent.filtered), (150, 100));
    assert_eq!((stamped.filtered, stamped.skipped + stamped.sampled), (0, 150), "the stamp says it");
    assert_eq!((unmatched.filtered, unmatched.skipped + unmatched.sampled), (100, 50));
    for sampled in [stamped.sampled, unmatched.sampled] {
        assert!((5..5 + cpus).contains(&sampled), "{sampled}");
    }

    let mut bench = Bench::at(Hook::Xdp { generic: false }, 0, Some(sampling));
    for frame in [&udp, &tcp].repeat(50) {
        bench.run_xdp(1, false, frame);
    }
    let received = bench.received(0);
    assert_eq!((received.filtered, received.skipped + received.sampled), (50, 50));
    assert!((5..5 + cpus).contains(&received.sampled), "{}", received.sampled);
}
