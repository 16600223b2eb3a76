//! `watch --agent`: what a sender knows that it sent.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    time::Duration,
};

use serde_json::Value;
use veth_observer::{
    frame::craft::{Content, FrameSpec, Ip, Transport, craft},
    model::mac::Mac,
};

use super::{FRAME, Host};
use crate::support::{
    command::{Outcome, Run},
    netns::eventually,
    wire::{X, X_IP, X_MAC, Y, Y_IP, Y_MAC},
};

const SERVING: &[&str] = &["--web.frames", "--loss-timeout", "1s"];

/// A datagram to a port, with its number as the one that it comes from.
fn numbered(number: u16, port: u16) -> Vec<u8> {
    let ip = Ip::V4 { src: X_IP.parse().unwrap(), dst: Y_IP.parse().unwrap() };
    let spec = FrameSpec {
        src_mac: Mac(X_MAC),
        dst_mac: Mac(Y_MAC),
        vlan: None,
        content: Content::Ip(ip, Some(Transport::Udp { src: number, dst: port })),
        payload: Vec::new(),
        size: Some(200),
    };
    craft(&spec, 0).unwrap()
}

/// The frames that were printed, and the summary.
#[track_caller]
fn printed(outcome: &Outcome) -> (Vec<Value>, Value) {
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let mut lines: Vec<Value> =
        outcome.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let summary = lines.pop().expect("a summary");
    (lines, summary["summary"].clone())
}

fn numbers(frames: &[Value]) -> Vec<u64> {
    frames.iter().map(|frame| frame["transport"]["src_port"].as_u64().unwrap()).collect()
}

impl Host {
    /// Asks without any client of ours.
    fn ask(&self, path: &str) -> BufReader<UnixStream> {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: agent\r\n\r\n").unwrap();
        BufReader::new(stream)
    }

    fn id(&self) -> u64 {
        self.moment().unwrap().pairs[0].0
    }
}

#[test]
fn a_member_of_the_group_sees_what_matches_and_no_more() {
    let host = Host::new();
    let _agent = host.agent(SERVING);
    let watch = host.member("watch", &["-c", "10", "udp", "dst", "port", "9"]).observing();
    host.wire.lab.send_in_turn(0, X, (0..20).map(|number| numbered(number, 8 + number % 2)));
    let (frames, summary) = printed(&watch.outcome());
    assert_eq!(numbers(&frames), [1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    for frame in &frames {
        let ends = ["from", "to", "end", "point", "fate"].map(|what| frame[what].as_str().unwrap());
        assert_eq!(ends, [X, Y, Y, "received", "delivered"], "{frame}");
        assert!(frame["delay_ns"].as_u64().is_some() && frame.get("frame_hex").is_none(), "{frame}");
    }
    let count = |what: &str| summary[what].as_u64();
    assert_eq!(
        [count("printed"), count("sampled"), count("lost")],
        [Some(10), Some(10), Some(0)],
        "{summary}"
    );
    // Their machine also answers that nobody listens there.
    assert!(count("filtered") >= Some(10), "{summary}");
}

#[test]
fn an_interrupt_leaves_the_whole_account() {
    let host = Host::new();
    let _agent = host.agent(SERVING);
    let watch = host.member("watch", &["-x", "--snaplen", "42", "udp"]).observing();
    host.wire.lab.send_in_turn(0, X, (0..500).map(|number| numbered(number, 9)));
    eventually("all have come", || host.pair().is_some_and(|pair| pair.directions[0].received.frames >= 500));
    let (frames, summary) = printed(&watch.interrupt());
    assert_eq!(numbers(&frames), (0..500).collect::<Vec<_>>());
    assert!(frames.iter().all(|frame| frame["frame_hex"].as_str().unwrap().len() == 84));
    assert_eq!(
        (&summary["printed"], &summary["sampled"], &summary["lost"]),
        (&500.into(), &500.into(), &0.into())
    );
}

#[test]
fn what_dies_is_told_by_where_it_left() {
    let host = Host::new();
    let _agent = host.agent(SERVING);
    host.wire.lab.ip(1, &["link", "set", Y, "down"]);
    eventually("the end has lost its carrier", || {
        host.wire.lab.ip_json(0, &["link", "show", X])[0]["operstate"] == "DOWN"
    });
    // The agent may know the pair by its other end.
    for (end, more) in [(0, "--side=a"), (1, "--side=b")] {
        let selector = format!("netns:{}/{}", host.wire.lab.name(end), [X, Y][end]);
        let args = ["watch", &selector, &host.flag(), "-j", "--lost", more, "-c", "5"];
        let watch = Run::in_group(super::GROUP, &args).observing();
        host.wire.lab.send_in_turn(0, X, (0..5).map(|number| numbered(number, 9)));
        let (frames, _) = printed(&watch.outcome());
        assert_eq!(numbers(&frames), [0, 1, 2, 3, 4]);
        for frame in &frames {
            let told = ["end", "fate", "stage"].map(|what| frame[what].as_str().unwrap());
            assert_eq!(told, [X, "dropped", "qdisc"], "{frame}");
        }
    }
}

#[test]
fn only_an_agent_that_was_told_to_serves_frames_and_only_by_its_socket() {
    let host = Host::new();
    let agent = host.agent(&[]);
    let sentence = host.member("watch", &[]).outcome().fails(3);
    assert!(sentence.contains("--web.frames"), "{sentence}");
    drop(agent);
    let host = Host::new();
    let _agent = host.agent(&["--web.frames", "--web.listen-address", "127.0.0.1:0"]);
    let mut answer = String::new();
    let mut head = host.ask(&format!("/api/v1/frames/{}?colour=red", host.id()));
    head.read_line(&mut answer).unwrap();
    assert!(answer.contains(" 400 "), "{answer}");
    let mut answer = String::new();
    host.ask("/api/v1/frames/4711").read_line(&mut answer).unwrap();
    assert!(answer.contains(" 404 "), "{answer}");
    let sentence = host.member("watch", &["nonsense", "and"]).outcome().fails(2);
    assert!(sentence.contains("nonsense"), "{sentence}");
    let sentence = host.member("watch", &["--ring-size", "1MiB"]).outcome().fails(2);
    assert!(sentence.contains("--ring-size"), "{sentence}");
}

#[test]
fn one_client_watches_a_pair_at_a_time_and_leaves_nothing() {
    let host = Host::new();
    let agent = host.agent(SERVING);
    // Links of the agent to hooks, and to the tracepoint of drops.
    let links = || {
        let files = std::fs::read_dir(format!("/proc/{}/fd", agent.0.child.pid())).unwrap();
        let names =
            files.filter_map(|file| Some(std::fs::read_link(file.ok()?.path()).ok()?.display().to_string()));
        names.filter(|name| name.contains("bpf_link") || name.contains("bpf-link")).count()
    };
    let before = links();
    let watch = host.member("watch", &[]).observing();
    assert!(before > 0 && links() > before, "it has programs of its own");
    let sentence = host.member("watch", &[]).outcome().fails(1);
    assert!(sentence.contains("observe"), "{sentence}");
    drop(watch.interrupt());
    eventually("its programs are gone", || links() == before);
    let watch = host.member("watch", &[]).observing();
    agent.kill();
    let outcome = watch.outcome();
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("has ended meanwhile"), "{outcome:?}");
}

#[test]
fn a_client_that_does_not_read_loses_samples_and_nobody_else_anything() {
    const FRAMES: u64 = 100_000;
    let host = Host::new();
    let _agent = host.agent(SERVING);
    let mut lines = host.ask(&format!("/api/v1/frames/{}?hex=1", host.id())).lines().map(Result::unwrap);
    assert!(lines.next().unwrap().contains(" 200 "));
    host.wire.lab.send_frames(0, X, &FRAME, FRAMES);
    eventually("the agent has counted all", || {
        host.pair().is_some_and(|pair| {
            let [out, _] = &pair.directions;
            (out.sent.frames, out.received.frames, out.lost) == (FRAMES, FRAMES, 0)
        })
    });
    let (mut frames, mut told) = (0, 0);
    for line in lines.skip_while(|line| !line.is_empty()).skip(1) {
        let line: Value = serde_json::from_str(&line).unwrap();
        let count = |what: &str| line["progress"][what].as_u64().unwrap();
        if line["progress"].is_null() {
            frames += 1;
        } else if count("printed") == count("sampled") && count("sampled") + count("lost") == FRAMES {
            assert_eq!(frames, count("printed"), "told of after they came");
            told = count("lost");
            break;
        }
    }
    assert!(told > 0 && frames > 0 && frames + told == FRAMES, "{frames} came, {told} were lost");
}
