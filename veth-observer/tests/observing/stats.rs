//! `stats`.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{frame, json_lines};

use crate::support::{
    bpf::{self, Hook},
    command::Run,
    netns::{Lab, eventually, run},
    wire::{Wire, X, Y},
};

#[test]
fn stats_prints_one_report_of_the_documented_shape_on_ctrl_c() {
    let wire = Wire::new();
    let stats = Run::here(&["stats", &wire.selector(), "-j"]).observing();
    wire.lab.send_frames(0, X, &frame(), 1000);
    let outcome = stats.interrupt();
    let [report] = json_lines(&outcome).try_into().unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!((report["schema"].as_u64(), keys(&report).as_str()), (Some(1), "pairs schema source"));
    let pair = &report["pairs"][0];
    assert_eq!(keys(pair), "directions elapsed_ns ended ends hook limits pair");
    assert_eq!(keys(&pair["ends"][0]), "ifindex ifname mac mtu netns operstate owner");
    assert_eq!(keys(&pair["ends"][0]["netns"]), "cookie inode name");
    let out = &pair["directions"][0];
    assert_eq!(
        keys(out),
        "clamped collection_loss delay driver dropped duplicated from in_flight lost matched matching received reordered \
         sent to unexplained unmatched variation"
    );
    assert_eq!(keys(&out["sent"]), "bytes frames skbs");
    for times in ["delay", "variation"] {
        assert_eq!(keys(&out[times]), "count max_ns mean_ns min_ns p50_ns p90_ns p999_ns p99_ns sum_ns");
    }
    assert_eq!((out["from"].as_str(), out["to"].as_str()), (Some(X), Some(Y)));
    assert_eq!(
        (out["matching"].as_str(), &pair["pair"], &pair["ended"]),
        (Some("stamp"), &X.into(), &Value::Null)
    );
    for count in [&out["sent"]["frames"], &out["received"]["frames"], &out["delay"]["count"]] {
        assert_eq!(count, 1000);
    }
    let delay = |name: &str| out["delay"][name].as_u64().unwrap();
    let order = ["min_ns", "p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns"].map(delay);
    assert!(order.is_sorted() && order[0] > 0, "{order:?}");
}

#[test]
fn ends_that_are_called_the_same_are_told_apart_by_their_namespaces() {
    let lab = Lab::new(2);
    let [near, far] = [0, 1].map(|at| format!("eth0@{}", lab.name(at)));
    lab.ip(0, &["link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", lab.name(1)]);
    for (at, [named, other]) in [(0, [&near, &far]), (1, [&far, &near])] {
        let selector = format!("netns:{}/eth0", lab.name(at));
        let stats = Run::here(&["stats", &selector, "-j", "--duration", "50ms"]).observing().outcome();
        let pair = json_lines(&stats).remove(0)["pairs"][0].clone();
        let said = [&pair["pair"], &pair["directions"][0]["from"], &pair["directions"][0]["to"]];
        assert_eq!(said, [named, named, other]);
    }
}

#[test]
fn stats_for_people_names_both_ends_and_closes() {
    let wire = Wire::new();
    let stats = Run::here(&["stats", &wire.selector()]).observing();
    wire.lab.send_frames(0, X, &frame(), 321);
    let outcome = stats.interrupt();
    assert_eq!(outcome.code, Some(0));
    let row = outcome.stdout.lines().find(|line| line.starts_with("vx > vy")).unwrap();
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(cells[3..9], ["321", "321", "0", "0", "0", "0%"], "{}", outcome.stdout);
    assert!(!outcome.stdout.contains("matching"), "all by their stamp: {}", outcome.stdout);
    for name in [wire.lab.name(0), wire.lab.name(1)] {
        assert!(outcome.stdout.contains(name), "{}", outcome.stdout);
    }
}

#[test]
fn stats_reports_as_often_as_asked_and_totals_grow() {
    let wire = Wire::new();
    let started = Instant::now();
    let stats = Run::here(&["stats", &wire.selector(), "-j", "--interval", "200ms", "-c", "3"]).observing();
    wire.lab.send_frames(0, X, &frame(), 100);
    let reports = json_lines(&stats.outcome());
    assert_eq!(reports.len(), 3);
    assert!(started.elapsed() >= Duration::from_millis(600));
    let elapsed: Vec<u64> = reports.iter().map(|r| r["pairs"][0]["elapsed_ns"].as_u64().unwrap()).collect();
    assert!(elapsed.is_sorted());
    assert_eq!(reports[2]["pairs"][0]["directions"][0]["received"]["frames"], 100);

    let lines = Run::here(&["stats", &wire.selector(), "-i", "100ms", "-c", "2"]).observing().outcome();
    assert_eq!(lines.stdout.lines().filter(|line| line.contains("ELAPSED")).count(), 1);
    assert_eq!(lines.stdout.lines().filter(|line| line.contains("vx > vy")).count(), 2 + 3);
}

#[test]
fn stats_ends_after_its_duration() {
    let wire = Wire::new();
    let started = Instant::now();
    let outcome = Run::here(&["stats", &wire.selector(), "--duration", "300ms", "-j"]).observing().outcome();
    let report = json_lines(&outcome).remove(0);
    let elapsed = report["pairs"][0]["elapsed_ns"].as_u64().unwrap();
    assert!((300_000_000..5_000_000_000).contains(&elapsed), "{elapsed}");
    assert!(started.elapsed() < Duration::from_secs(8));
}

/// XDP_TX, back to an end that has no ring to take it (-ENXIO in `veth_xdp_xmit`): no tracepoint shows that.
fn make_frames_vanish(wire: &Wire) -> std::os::fd::OwnedFd {
    let thrower = bpf::load(Hook::Xdp, "thrower", 3);
    let ifindex = wire.lab.ifindex(1, Y);
    wire.lab.namespace(1).run(|| bpf::attach(&thrower, ifindex, Hook::Xdp)).unwrap()
}

#[test]
fn a_loss_is_reported_after_the_timeout_and_not_before() {
    let wire = Wire::new();
    let link = make_frames_vanish(&wire);
    let arguments = ["stats", &wire.selector(), "-j", "-i", "100ms", "-c", "20", "--loss-timeout", "500ms"];
    let stats = Run::here(&arguments).observing();
    wire.lab.send_frames(0, X, &frame(), 7);
    let reports = json_lines(&stats.outcome());
    let counts = |report: &Value| {
        let out = &report["pairs"][0]["directions"][0];
        ["sent", "in_flight", "lost"].map(|name| out[name]["frames"].as_u64().or(out[name].as_u64()).unwrap())
    };
    let seen: Vec<[u64; 3]> = reports.iter().map(counts).collect();
    assert!(seen.contains(&[7, 7, 0]), "first in flight: {seen:?}");
    assert_eq!(seen.last(), Some(&[7, 0, 7]), "then lost");
    drop(link);
}

#[test]
fn losses_are_told_from_flight_however_rarely_they_are_reported() {
    let wire = Wire::new();
    let link = make_frames_vanish(&wire);
    let arguments = ["stats", &wire.selector(), "-j", "-i", "8s", "-c", "1", "--loss-timeout", "100ms"];
    let stats = Run::here(&arguments).observing();
    // Longer than all epochs of this timeout together, so that a loss falls into each.
    for _ in 0..50 {
        wire.lab.send_frames(0, X, &frame(), 1);
        std::thread::sleep(Duration::from_millis(20));
    }
    let report = json_lines(&stats.outcome()).remove(0);
    let out = &report["pairs"][0]["directions"][0];
    assert_eq!(
        (&out["sent"]["frames"], &out["in_flight"], &out["lost"]),
        (&50.into(), &0.into(), &50.into())
    );
    drop(link);
}

#[test]
fn a_second_ctrl_c_ends_stats_without_the_summary() {
    let wire = Wire::new();
    wire.lab.exec(
        0,
        &["tc", "qdisc", "add", "dev", X, "root", "tbf", "rate", "1kbit", "burst", "2kb", "limit", "1mb"],
    );
    let stats = Run::here(&["stats", &wire.selector(), "--loss-timeout", "1m"]).observing();
    wire.lab.send_frames(0, X, &frame(), 100);
    let pid = stats.pid().to_string();
    // The first is heard when the handler counts frames in flight; a few more do not hurt.
    run("kill", &["-INT", &pid]);
    let proc_file = format!("/proc/{pid}/status");
    let ended = || std::fs::read_to_string(&proc_file).is_ok_and(|text| text.contains("State:\tZ"));
    eventually("the second signal ends it", || {
        if !ended() {
            let _ = Command::new("kill").args(["-INT", &pid]).stderr(Stdio::null()).status();
        }
        ended()
    });
    let outcome = stats.outcome();
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(130), ""));
}

#[test]
fn stats_whose_pair_is_deleted_prints_the_summary_and_says_so() {
    let wire = Wire::new();
    let stats = Run::here(&["stats", &wire.selector()]).observing();
    wire.lab.send_frames(0, X, &frame(), 10);
    wire.lab.ip(0, &["link", "delete", X]);
    let outcome = stats.outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.starts_with("ended early: "), "{outcome:?}");
    assert!(outcome.stdout.contains("was deleted") && outcome.stdout.contains("vx > vy"), "{outcome:?}");
}

#[test]
fn what_the_programs_log_arrives_with_vv_and_only_then() {
    let wire = Wire::new();
    for (flag, expected) in [("-v", 0), ("-vv", 2)] {
        let run = Run::here(&["stats", &wire.selector(), flag]);
        let stats = run.observing_among_log_lines();
        wire.lab.send_frames(0, X, &frame(), 1);
        let outcome = stats.interrupt();
        let from_the_kernel = outcome.stderr.lines().filter(|line| line.contains("on this CPU, 60 bytes"));
        assert_eq!(from_the_kernel.count(), expected, "{outcome:?}");
    }
}
