//! The numbers against what others measured on the same traffic.

use std::time::Duration;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use veth_observer::observe::Observation;

use crate::support::wire::{Wire, X};

mod captures;
mod percentiles;
mod tracepoints;

/// A frame of the local experiment, 100 bytes.
fn frame(ethertype: u16) -> Vec<u8> {
    let mut frame = [0xff; 12].to_vec();
    frame.extend(ethertype.to_be_bytes());
    frame.resize(100, 0);
    frame
}

/// The value that a share of these, in order, does not exceed (nearest rank).
fn quantile(sorted: &[i64], permille: usize) -> i64 {
    sorted[(sorted.len() * permille).div_ceil(1000).max(1) - 1]
}

/// Sends frames from X at this pace, all on one CPU, and gives the delays of all in the order they left, which is that of their arrival.
fn delays(
    wire: &Wire,
    observation: &mut Observation,
    ethertype: u16,
    count: u64,
    pause: Duration,
) -> Vec<i64> {
    let lab = &wire.lab;
    std::thread::scope(|scope| {
        let send = || {
            let allowed = sched_getaffinity(None).unwrap();
            let mut one = CpuSet::new();
            one.set((0..CpuSet::MAX_CPU).find(|&cpu| allowed.is_set(cpu)).unwrap());
            sched_setaffinity(None, &one).unwrap();
            let frames = (0..count).map(|_| {
                std::thread::sleep(pause);
                frame(ethertype)
            });
            lab.send_in_turn(0, X, frames);
        };
        scope.spawn(send).join().unwrap();
    });
    let samples = observation.samples(2 * usize::try_from(count).unwrap()).unwrap();
    let delays: Vec<i64> = samples.iter().map(|sample| sample.delay_ns().unwrap().cast_signed()).collect();
    assert_eq!(delays.len() as u64, count);
    delays
}

/// How much more ours are than theirs, frame by frame, in order.
fn more(ours: &[i64], theirs: &[i64]) -> Vec<i64> {
    assert_eq!(ours.len(), theirs.len());
    let mut more: Vec<i64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours - theirs).collect();
    more.sort_unstable();
    let at = |permille: usize| quantile(&more, permille);
    eprintln!("ours is more by p1 {} p50 {} p95 {} p99 {} ns", at(10), at(500), at(950), at(990));
    more
}
