//! Clocks that are not the machine's: `bpf_ktime_get_ns` knows no time namespace, CLOCK_MONOTONIC does.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use serde_json::Value;

use super::frame;
use crate::{
    fleet,
    support::{
        bpf::{self, Hook},
        command::Run,
        wire::{Wire, X, Y},
    },
};

/// Seconds that the clock of the observer is ahead of the machine's, and behind.
const SHIFTS: [&str; 2] = ["86400", "-60"];

fn shifted(seconds: &str) -> [&str; 4] {
    ["unshare", "--time", "--monotonic", seconds]
}

/// Whether a process is where its clock is another one. Before Linux 6.3 only its children would be.
fn is_shifted(pid: u32) -> bool {
    let of = |process: &str| fs::read_link(format!("/proc/{process}/ns/time")).unwrap();
    of(&pid.to_string()) != of("self")
}

#[test]
fn in_a_time_namespace_what_is_in_flight_and_what_is_lost_are_told_by_the_clock_of_the_programs() {
    let wire = Wire::new();
    // XDP_TX, back to an end that has no ring to take it: no tracepoint shows that.
    let thrower = bpf::load(Hook::Xdp, "thrower", 3);
    let ifindex = wire.lab.ifindex(1, Y);
    let link = wire.lab.namespace(1).run(|| bpf::attach(&thrower, ifindex, Hook::Xdp)).unwrap();
    for shift in SHIFTS {
        let flags = ["stats", &wire.selector(), "-j", "-i", "100ms", "-c", "20", "--loss-timeout", "500ms"];
        let stats = Run::by(&shifted(shift), &flags).observing();
        if !is_shifted(stats.pid()) {
            return;
        }
        wire.lab.send_frames(0, X, &frame(), 7);
        let outcome = stats.outcome();
        let counts = |line: &str| {
            let out = &serde_json::from_str::<Value>(line).unwrap()["pairs"][0]["directions"][0];
            ["sent", "in_flight", "lost"]
                .map(|name| out[name]["frames"].as_u64().or(out[name].as_u64()).unwrap())
        };
        let seen: Vec<[u64; 3]> = outcome.stdout.lines().map(counts).collect();
        assert!(seen.contains(&[7, 7, 0]), "{shift} s: first in flight: {seen:?}");
        assert_eq!(seen.last(), Some(&[7, 0, 7]), "{shift} s: then lost");
    }
    drop(link);
}

#[test]
fn in_a_time_namespace_frames_are_labelled_with_the_time_of_the_wall() {
    let wire = Wire::new();
    for shift in SHIFTS {
        let watch = Run::by(&shifted(shift), &["watch", &wire.selector(), "-j", "-c", "1"]).observing();
        wire.lab.send_frames(0, X, &frame(), 1);
        let outcome = watch.outcome();
        let line: Value = serde_json::from_str(outcome.stdout.lines().next().unwrap()).unwrap();
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let age = wall.abs_diff(Duration::from_nanos(line["ts_ns"].as_u64().unwrap()));
        assert!(age < Duration::from_secs(30), "{shift} s: {age:?} in {line}");
    }
}

#[test]
fn an_agent_in_a_time_namespace_tells_loss_in_time() {
    for shift in SHIFTS {
        fleet::loses_in_time(|flags| Run::by(&shifted(shift), flags));
    }
}
