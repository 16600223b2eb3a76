//! What a filter costs a frame, as the kernel's own test run measures it.

use std::{sync::Arc, time::Duration};

use aya::programs::{TestRun as _, TestRunOptions};
use veth_observer::{
    kernel::{Hook, Sampling},
    pcap,
};

use super::frames::frames;
use crate::support::programs::Bench;

const RUNS: u32 = 200_000;

/// The best of some rounds, at egress, of a frame that goes to no ring.
fn per_frame(filter: Option<&str>) -> Duration {
    let filter = filter.map(|expression| Arc::new(pcap::compile(expression).unwrap()));
    // So rarely that what is measured is the choice alone.
    let sampling = Sampling { rate: u32::MAX, filter, ..Sampling::default() };
    let mut bench = Bench::at(Hook::Tc, 0, Some(sampling));
    let frame = frames().into_iter().find(|frame| frame.name == "udp4").unwrap().bytes;
    (0..5)
        .map(|_| {
            let mut options = TestRunOptions::new();
            options.data_in = Some(&frame);
            options.repeat = RUNS;
            bench.loaded.program(0, false).unwrap().test_run(options).unwrap().duration
        })
        .min()
        .unwrap()
}

#[test]
fn a_filter_costs_less_than_the_rest_of_the_way() {
    let without = per_frame(None);
    println!("no filter: {without:?}");
    for expression in ["tcp port 443", "host 10.0.0.1 and udp"] {
        let with = per_frame(Some(expression));
        println!("{expression}: {with:?}");
        assert!(with < without + Duration::from_micros(1), "{expression}: {with:?}, without {without:?}");
    }
}
