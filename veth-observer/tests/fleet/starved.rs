//! An agent that lacks something: open files, a BPF file system, room on a disk, its port.

use std::net::TcpListener;

use super::{Agent, FRAME, Report, kills::programs, make, quiet};
use crate::support::{
    command::{PROGRAM, Run},
    engine::Host,
    netns::{eventually, run},
};

/// Twelve, where nobody else's namespaces are seen.
const PAIRS: &str = "
ip netns add far
for n in 0 1 2 3 4 5 6 7 8 9 10 11; do ip link add p$n type veth peer name q$n netns far; done";

#[test]
fn open_files_are_kept_for_those_who_ask() {
    let host = Host::new();
    host.run("sh", &["-ec", PAIRS]);
    let socket = host.folder().join("agent.sock");
    // Enough for 150 / 2 / 8 pairs.
    let flags = ["--nofile=150:150", PROGRAM, "agent", "-j", "--interval", "100ms", "--web.listen-address"];
    let listen = format!("unix:{}", socket.display());
    let agent = Agent(Run::of(host.command("prlimit", &[&flags[..], &[&listen]].concat())).lines());
    let over = |report: &Report| report.0["agent"]["pairs_over_limit"].as_u64();
    let report = agent.report("as many as may be", |report| report.living() == 9 && over(report) == Some(3));
    assert_eq!(report.0["agent"]["attach_errors"], serde_json::json!({}));
    let get = || run("curl", &["-sf", "--unix-socket", socket.to_str().unwrap(), "http://agent/metrics"]);
    assert!(get().contains("\nveth_observer_pairs_over_limit 3"));
    let of_one = (0..12).map(|n| format!("p{n}")).find(|ifname| report.pair(ifname).is_some()).unwrap();
    host.run("ip", &["link", "del", &of_one]);
    let report = agent.report("the next", |report| report.event("removed") == 1 && report.living() == 9);
    assert_eq!(over(&report), Some(2));
    assert!(get().contains("\nveth_observer_ready 1"));
}

#[test]
fn no_bpf_file_system_has_to_be_mounted() {
    let lab = quiet(2);
    make(&lab, 0..1);
    let script = "umount --all-targets --lazy /sys/fs/bpf 2>/dev/null; ! mountpoint -q /sys/fs/bpf && exec \"$0\" \"$@\"";
    let agent = Agent::run(&lab, &[], |flags| Run::mounting(script, flags));
    agent.observing(1);
    lab.send_frames(0, "p0", &FRAME, 10);
    agent.report("all frames", |report| report.count("p0", "/received/frames") == Some(10));
}

#[test]
fn who_may_make_none_observes_each_pair_by_maps_of_its_own() {
    let lab = quiet(2);
    make(&lab, 0..2);
    let agent = Agent::run(&lab, &[], |flags| Run::here(flags).without_file_systems());
    agent.observing(2);
    lab.send_frames(0, "p0", &FRAME, 10);
    agent.report("all frames", |report| report.count("p0", "/received/frames") == Some(10));
}

#[test]
fn a_full_disk_below_the_reports_ends_it_with_a_sentence_and_leaves_nothing() {
    let lab = quiet(2);
    make(&lab, 0..3);
    let selector = format!("netns:{}/*", lab.name(0));
    let script = "exec \"$0\" \"$@\" >/dev/full";
    let flags =
        ["agent", "-j", "--pairs", &selector, "--web.listen-address", "127.0.0.1:0", "--interval", "1s"];
    let outcome = Run::shell(script, &flags).outcome();
    let last = outcome.stderr.lines().last().unwrap_or_default();
    assert_eq!(
        (outcome.code, last),
        (Some(1), "veth-observer: cannot write to standard output: No space left on device (os error 28)")
    );
    eventually("nothing is left", || programs(&lab) == 0);
}

#[test]
fn a_full_disk_below_the_log_harms_nothing() {
    let lab = quiet(2);
    make(&lab, 0..1);
    let mut agent = Agent::run(&lab, &["-vv"], |flags| Run::shell("exec \"$0\" \"$@\" 2>/dev/full", flags));
    agent.observing(1);
    lab.send_frames(0, "p0", &FRAME, 10);
    agent.report("all frames", |report| report.count("p0", "/received/frames") == Some(10));
    agent.signal("-TERM");
    assert_eq!(agent.0.child.0.wait().unwrap().code(), Some(0));
}

#[test]
fn a_port_in_use_is_said_before_anything_is_attached() {
    let lab = quiet(2);
    make(&lab, 0..3);
    let owner = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = owner.local_addr().unwrap().to_string();
    let outcome = Run::here(&["agent", "--web.listen-address", &address]).outcome();
    assert_eq!(outcome.fails(2), format!("{address} is in use"));
    assert_eq!(programs(&lab), 0);
}
