//! `watch`, and `send --verify`, which shows one frame.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{frame, json_lines};

use crate::support::{
    command::{PROGRAM, Run},
    netns::eventually,
    wire::{Wire, X, Y},
};

#[test]
fn watch_shows_what_tshark_shows() {
    let wire = Wire::new();
    let watch = Run::here(&["watch", &wire.selector(), "-j", "-c", "3"]).observing();
    let list = "src_mac,dst_mac,len,transport.src_port,transport.dst_port";
    let picked = Run::here(&["watch", &wire.selector(), "-c", "3", "--fields", list]).observing();
    let mut tshark = Command::new("ip")
        .args(["netns", "exec", wire.lab.name(1), "tshark", "-l", "-i", Y, "-c", "3", "-T", "fields"])
        .args(["-e", "eth.src", "-e", "eth.dst", "-e", "frame.len", "-e", "tcp.srcport", "-e", "tcp.dstport"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It says so once it captures; frames before that would be missed.
    let mut said = BufReader::new(tshark.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("Capture started") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "tshark ended");
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
    assert_eq!(picked.outcome().stdout, theirs);
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
fn a_second_ctrl_c_ends_it_though_its_reader_stands_still() {
    let wire = Wire::new();
    let mut child = Command::new(PROGRAM)
        .args(["watch", &wire.selector()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("observing "), "{line}");
    // More than a pipe holds, which nobody takes.
    wire.lab.send_frames(0, X, &frame(), 3000);
    let pid = Pid::from_child(&child);
    eventually("it is gone", || {
        let _ = kill_process(pid, Signal::INT);
        child.try_wait().unwrap().is_some()
    });
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
