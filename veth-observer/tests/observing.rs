//! `stats`, `watch`, `send --verify` and `demo` as a user runs them.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use veth_observer::{
    frame::craft::{Content, FrameSpec, craft},
    model::mac::Mac,
    netns,
};

use crate::support::{
    bpf::{self, Hook},
    command::{Outcome, PROGRAM, Run},
    netns::{eventually, run},
    wire::{Wire, X, X_MAC, Y, Y_MAC},
};

fn frame() -> Vec<u8> {
    let (src_mac, dst_mac) = (Mac(X_MAC), Mac(Y_MAC));
    let content = Content::Raw(0x88b5);
    craft(&FrameSpec { src_mac, dst_mac, vlan: None, content, payload: vec![1; 46], size: None }, 0).unwrap()
}

fn json_lines(outcome: &Outcome) -> Vec<Value> {
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn stats_prints_one_report_of_the_documented_shape_on_ctrl_c() {
    let wire = Wire::new();
    let stats = Run::here(&["stats", &wire.selector(), "-j"]).observing();
    wire.lab.send_frames(0, X, &frame(), 1000);
    let outcome = stats.interrupt();
    let [report] = json_lines(&outcome).try_into().unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!((report["schema"].as_u64(), keys(&report).as_str()), (Some(1), "pairs schema"));
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
        assert_eq!(keys(&out[times]), "count max_ns mean_ns min_ns p50_ns p90_ns p999_ns p99_ns");
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
fn stats_for_people_names_both_ends_and_closes() {
    let wire = Wire::new();
    let stats = Run::here(&["stats", &wire.selector()]).observing();
    wire.lab.send_frames(0, X, &frame(), 321);
    let outcome = stats.interrupt();
    assert_eq!(outcome.code, Some(0));
    let row = outcome.stdout.lines().find(|line| line.starts_with("vx > vy")).unwrap();
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(cells[3..9], ["321", "321", "0", "0", "0", "0%"], "{}", outcome.stdout);
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
    let arguments = ["stats", &wire.selector(), "-j", "-i", "3s", "-c", "1", "--loss-timeout", "100ms"];
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

#[test]
fn watch_shows_what_tshark_shows() {
    let wire = Wire::new();
    let watch = Run::here(&["watch", &wire.selector(), "-j", "-c", "3"]).observing();
    let mut tshark = Command::new("ip")
        .args(["netns", "exec", wire.lab.name(1), "tshark", "-l", "-i", Y, "-c", "3", "-T", "fields"])
        .args(["-e", "eth.src", "-e", "eth.dst", "-e", "frame.len", "-e", "tcp.srcport", "-e", "tcp.dstport"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It says so once it captures; frames before that would be missed.
    let mut said = std::io::BufReader::new(tshark.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("Capture started") {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut said, &mut line).unwrap() > 0, "tshark ended");
    }
    let selector = wire.selector();
    let seed =
        ["--src-mac", "22:11:11:11:11:11", "--dst-mac", "22:22:22:22:22:22", "--ip4", "1.1.1.1,2.2.2.2"];
    let sent = Run::here(
        &[&["send", &selector], &seed[..], &["--tcp", "1111,2222", "--payload", "123", "-c", "3"]].concat(),
    );
    sent.outcome().ok();
    let theirs = String::from_utf8(tshark.wait_with_output().unwrap().stdout).unwrap();
    let mut ours = json_lines(&watch.outcome());
    let summary = ours.pop().unwrap();
    let fields = |line: &Value| {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let transport = &line["transport"];
        let values = [
            &line["src_mac"],
            &line["dst_mac"],
            &line["len"],
            &transport["src_port"],
            &transport["dst_port"],
        ];
        values.map(text).join("\t") + "\n"
    };
    assert_eq!(ours.iter().map(fields).collect::<String>(), theirs);
    assert_eq!(summary["summary"]["printed"], 3);
    assert!(ours.iter().all(|line| line["delay_ns"].as_u64().unwrap() > 0 && line["from"] == X));
}

#[test]
fn watch_takes_one_in_n_and_counts_the_rest() {
    let wire = Wire::new();
    let watch = Run::here(&["watch", &wire.selector(), "--sample", "1/10", "-j"]).observing();
    wire.lab.send_frames(0, X, &frame(), 1000);
    let mut lines = json_lines(&watch.interrupt());
    let summary = lines.pop().unwrap()["summary"].clone();
    let get = |name: &str| summary[name].as_u64().unwrap();
    assert_eq!(get("sampled") + get("skipped"), 1000);
    assert!((100..=102).contains(&get("sampled")), "one in ten, of each CPU: {summary}");
    assert_eq!((get("printed"), get("lost"), lines.len() as u64), (get("sampled"), 0, get("sampled")));
}

#[test]
fn watch_under_a_flood_prints_or_counts_every_frame() {
    let wire = Wire::new();
    let watch = Run::here(&["watch", &wire.selector(), "--snaplen", "1600"]).observing();
    wire.lab.send_frames(0, X, &frame(), 200_000);
    let outcome = watch.interrupt();
    assert_eq!(outcome.code, Some(0));
    let summary = outcome.stderr.lines().last().unwrap();
    let numbers: Vec<u64> =
        summary.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
    assert_eq!(numbers[0] + numbers[2], 200_000, "{summary}");
    assert_eq!(numbers[0], outcome.stdout.lines().count() as u64);
}

#[test]
fn send_verify_says_when_a_frame_arrived_and_fails_when_it_did_not() {
    let wire = Wire::new();
    let selector = wire.selector();
    let said = Run::here(&["send", &selector, "--verify", "-c", "3"]).outcome().ok();
    assert_eq!(said.lines().filter(|line| line.starts_with("arrived on vy after ")).count(), 3, "{said}");
    for flags in
        [&["--vlan", "100"][..], &["--size", "1514"], &["--from", "b", "--ip6", "fd00::2,fd00::1", "--icmp"]]
    {
        let said = Run::here(&[&["send", &selector, "--verify"], flags].concat()).outcome().ok();
        assert!(said.contains("arrived on "), "{flags:?} {said}");
    }
    wire.lab.ip(1, &["link", "set", Y, "down"]);
    let outcome = Run::here(&["send", &selector, "--verify", "--timeout", "100ms"]).outcome();
    assert_eq!(outcome.code, Some(5), "{outcome:?}");
    assert!(outcome.stdout.ends_with("did not arrive on vy\n"), "{outcome:?}");
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let wire = Wire::new();
    let shell =
        format!("{PROGRAM} stats {} -i 20ms -j | head -n 2; echo ${{PIPESTATUS[0]}}", wire.selector());
    let output = Command::new("bash").args(["-c", &shell]).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout.lines().last(), Some("0"), "{stdout}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr.lines().count(), 1, "only the line that it observes: {stderr}");
}

#[test]
fn who_may_not_observe_is_told_how() {
    let wire = Wire::new();
    let within = wire.lab.name(0);
    for arguments in [&["stats", X][..], &["watch", X], &["send", X, "--verify"], &["demo"]] {
        let outcome = Run::nobody(within, arguments).outcome();
        assert_eq!(outcome.code, Some(3), "{arguments:?} {outcome:?}");
        assert!(outcome.stderr.contains("fix: run it with sudo, or once: sudo setcap cap_"), "{outcome:?}");
    }
}

#[test]
fn pairs_and_flags_that_cannot_be() {
    let wire = Wire::new();
    let selector = wire.selector();
    for (arguments, code) in [
        (&["stats", "nosuchpair"][..], 4),
        (&["watch", "lo"], 4),
        (&["stats", "netns:nosuchnetns/eth0"], 4),
        (&["stats", &selector, "--loss-timeout", "0s"], 2),
        (&["stats", &selector, "--loss-timeout", "2m"], 2),
        (&["stats", &selector, "--interval", "soon"], 2),
        (&["stats", &selector, "--interval", "1ns"], 2),
        (&["stats", &selector, "-c", "0"], 2),
        (&["watch", &selector, "--sample", "1/0"], 2),
        (&["watch", &selector, "--snaplen", "3"], 2),
        (&["stats"], 2),
    ] {
        let outcome = Run::here(arguments).outcome();
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(code), ""), "{arguments:?} {outcome:?}");
        assert!(!outcome.stderr.is_empty() && !outcome.stderr.contains("panicked"), "{outcome:?}");
    }
}

#[test]
fn demo_shows_a_frame_and_real_traffic_and_leaves_nothing() {
    let before = everything();
    let started = Instant::now();
    let said = Run::here(&["demo"]).outcome().ok();
    assert!(started.elapsed() < Duration::from_secs(10));
    for step in ["made ", "attached ", "sent ", "arrived ", "UDP ", "TCP ", "removed ", "Next"] {
        assert!(said.lines().any(|line| line.starts_with(step)), "{step}: {said}");
    }
    assert_eq!(
        said.lines().rev().take_while(|line| line.starts_with("  ")).count(),
        3,
        "three commands: {said}"
    );
    let report = Run::here(&["demo", "-j"]).outcome().json();
    for direction in report["pairs"][0]["directions"].as_array().unwrap() {
        assert_eq!(direction["sent"]["frames"], direction["received"]["frames"]);
    }
    assert_eq!(everything(), before);
}

#[test]
fn demo_leaves_nothing_when_interrupted_or_killed() {
    let before = everything();
    for signal in ["-INT", "-KILL"] {
        let demo = Run::here(&["demo"]).lines();
        demo.wait_for("the attachment", |line| line.starts_with("attached"));
        run("kill", &[signal, &demo.child.pid().to_string()]);
        drop(demo);
        eventually("all is as before", || everything() == before);
    }
}

/// Interfaces of this namespace and names of namespaces.
fn everything() -> (String, Vec<String>) {
    let ours = |name: &String| !name.starts_with("vot-");
    let links = run("ip", &["-br", "link"]);
    let links = links.lines().filter(|line| line.contains("vo-demo")).collect();
    (links, netns::names().into_iter().filter(ours).collect())
}
