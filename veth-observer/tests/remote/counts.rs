//! What is counted by an agent from one moment to another, to the frame.

use serde_json::Value;

use super::{FRAME, Host, fates};
use crate::support::{
    command::Run,
    netns::eventually,
    wire::{X, Y},
};

#[test]
fn a_member_of_the_group_is_told_what_was_sent_and_what_root_counts() {
    let host = Host::new();
    let _agent = host.agent(&[]);
    // Before their time, and so in no number of theirs.
    host.send(500);
    host.wire.lab.send_frames(1, Y, &FRAME, 90);
    let by_agent = host.member("stats", &[]).observing();
    let directly = Run::here(&["stats", &host.wire.selector(), "-j", "--direct"]).observing();
    host.send(700);
    host.wire.lab.send_frames(1, Y, &FRAME, 200);
    let (by_agent, directly) = (by_agent.interrupt().json(), directly.interrupt().json());
    assert_eq!((&by_agent["source"], &directly["source"]), (&"agent".into(), &"direct".into()));
    for (way, sent) in [(0, 700), (1, 200)] {
        assert_eq!(fates(&by_agent, way), [sent, sent, 0, 0, 0, 0], "{by_agent:#}");
        assert_eq!(fates(&directly, way), fates(&by_agent, way));
        let [ours, theirs] = [&by_agent, &directly].map(|report| &report["pairs"][0]["directions"][way]);
        for same in
            ["from", "to", "matching", "matched", "sent", "received", "dropped", "unmatched", "duplicated"]
        {
            assert_eq!(ours[same], theirs[same], "{same}");
        }
        assert_eq!(ours["delay"]["count"], sent);
        // The first frame of each CPU differs from one before, which the agent has seen.
        let [more, fewer] = [ours, theirs].map(|direction| direction["variation"]["count"].as_u64().unwrap());
        let cpus = std::thread::available_parallelism().unwrap().get() as u64;
        assert!((fewer..=fewer + cpus).contains(&more), "{more} and {fewer}");
        let p50 = |direction: &Value| direction["delay"]["p50_ns"].as_f64().unwrap();
        // Each has the work of the other's programs in its times, but not the same part of it.
        let apart = (p50(ours) / p50(theirs)).log2().abs();
        assert!(apart < 2.0, "{} and {}", p50(ours), p50(theirs));
    }
    assert_eq!(by_agent["pairs"][0]["pair"], directly["pairs"][0]["pair"]);
    assert_eq!(by_agent["pairs"][0]["ends"], directly["pairs"][0]["ends"]);
}

#[test]
fn from_the_other_end_everything_is_the_other_way_around() {
    let host = Host::new();
    let _agent = host.agent(&[]);
    let selector = format!("netns:{}/{Y}", host.wire.lab.name(1));
    let stats = Run::in_group(super::GROUP, &["stats", &selector, &host.flag(), "-j"]).observing();
    host.send(30);
    let report = stats.interrupt().json();
    assert_eq!((fates(&report, 0), fates(&report, 1)), ([0; 6], [30, 30, 0, 0, 0, 0]));
    assert_eq!(
        (&report["pairs"][0]["pair"], &report["pairs"][0]["ends"][0]["ifname"]),
        (&Y.into(), &Y.into())
    );
}

#[test]
fn of_reports_at_intervals_each_has_what_came_since_the_beginning() {
    let host = Host::new();
    let _agent = host.agent(&[]);
    host.send(50);
    let outcome = host.member("stats", &["--interval", "200ms", "-c", "3"]).outcome();
    let lines: Vec<Value> = outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((outcome.code, lines.len()), (Some(0), 3), "{outcome:?}");
    for line in &lines {
        assert_eq!((fates(line, 0), &line["source"]), ([0; 6], &"agent".into()));
    }
    let elapsed: Vec<u64> =
        lines.iter().map(|line| line["pairs"][0]["elapsed_ns"].as_u64().unwrap()).collect();
    assert!(elapsed.is_sorted() && elapsed[0] > 0, "{elapsed:?}");
}

#[test]
fn frames_that_wait_at_the_beginning_are_not_ours_and_those_at_the_end_are_waited_for() {
    let host = Host::new();
    let lab = &host.wire.lab;
    let _agent = host.agent(&["--loss-timeout", "20s"]);
    // A frame of 1000 bytes takes 80 ms.
    let shaper = ["tbf", "rate", "100kbit", "burst", "2kb", "limit", "1mb"];
    lab.exec(0, &[&["tc", "qdisc", "add", "dev", X, "root"][..], &shaper].concat());
    let frame = [&FRAME[..], &[0; 900]].concat();
    lab.send_frames(0, X, &frame, 40);
    let stats = host.member("stats", &[]).observing();
    let waiting = host.out().unwrap().in_flight;
    assert!(waiting > 10, "the queue is not empty: {waiting}");
    lab.send_frames(0, X, &frame, 10);
    let report = stats.interrupt().json();
    assert_eq!(fates(&report, 0), [10, 10, 0, 0, 0, 0], "{report:#}");
    let limits = report["pairs"][0]["limits"].as_array().unwrap();
    let told = limits.iter().any(|limit| limit.as_str().unwrap().contains("had left before the beginning"));
    assert!(told, "{limits:?}");
    eventually("all 50 are counted", || host.out().unwrap().received.frames == 50);
}

#[test]
fn what_the_queue_drops_is_dropped_and_what_it_dropped_before_is_not() {
    let host = Host::new();
    let lab = &host.wire.lab;
    let _agent = host.agent(&[]);
    let shaper = ["tbf", "rate", "1mbit", "burst", "2kb", "limit", "4kb"];
    lab.exec(0, &[&["tc", "qdisc", "add", "dev", X, "root"][..], &shaper].concat());
    assert!(lab.offer_frames(0, X, &FRAME, 200) > 0);
    let stats = host.member("stats", &[]).observing();
    let before = lab.qdisc_drops(0, X, "tbf");
    lab.offer_frames(0, X, &FRAME, 300);
    let report = stats.interrupt().json();
    let dropped = i64::try_from(lab.qdisc_drops(0, X, "tbf") - before).unwrap();
    assert!(dropped > 0);
    assert_eq!(fates(&report, 0), [300, 300 - dropped, dropped, 0, 0, 0], "{report:#}");
}

#[test]
fn latency_has_percentiles_and_buckets_of_its_own_time() {
    let host = Host::new();
    let _agent = host.agent(&[]);
    host.send(400);
    let flags = ["--histogram", "--percentiles", "50,99.9", "-c", "600", "--max-loss", "0"];
    let latency = host.member("latency", &flags).observing();
    host.send(600);
    let report = latency.outcome().json();
    assert_eq!(fates(&report, 0), [600, 600, 0, 0, 0, 0], "{report:#}");
    assert_eq!((&report["source"], &report["latency"]["verdict"]), (&"agent".into(), &"pass".into()));
    let direction = &report["latency"]["directions"][0];
    let bins = direction["histogram"]["delay"].as_array().unwrap();
    let counted: u64 = bins.iter().map(|bin| bin["count"].as_u64().unwrap()).sum();
    assert_eq!(counted, 600);
    let (p50, p999) =
        (&direction["percentiles_ns"]["delay"]["p50"], &direction["percentiles_ns"]["delay"]["p99.9"]);
    assert!(p50.as_u64().unwrap() > 0 && p50.as_u64() <= p999.as_u64(), "{direction:#}");
}
