//! Pairs that come, are renamed, move and go while they are observed.

use std::time::{Duration, Instant};

use super::{Agent, FRAME, Report, make, pause, quiet};
use crate::support::netns::{alone, run};

/// What a busy machine lets happen in one of [`ATTEMPTS`]. Without a message it would take ten seconds.
const SOON: Duration = Duration::from_secs(1);
const ATTEMPTS: usize = 5;

/// Fails when it never happened soon.
fn soon(what: &str, mut attempt: impl FnMut(usize) -> Duration) {
    let took: Vec<Duration> = (0..ATTEMPTS).map(&mut attempt).collect();
    assert!(took.iter().any(|took| *took < SOON), "{what}: {took:?}");
}

#[test]
fn pairs_are_observed_and_gone_within_a_second() {
    let _alone = alone();
    let lab = quiet(2);
    let agent = Agent::start(&lab, &[]);
    agent.observing(0);
    pause();
    soon("observed", |n| {
        let start = Instant::now();
        make(&lab, n..=n);
        agent.observing(n + 1);
        start.elapsed()
    });
    soon("gone", |n| {
        let start = Instant::now();
        lab.ip(0, &["link", "del", &format!("p{n}")]);
        agent.observing(ATTEMPTS - n - 1);
        start.elapsed()
    });
}

#[test]
fn a_pair_is_renamed_moves_and_goes() {
    let mut lab = quiet(3);
    make(&lab, 0..1);
    let agent = Agent::start(&lab, &[]);
    agent.observing(1);
    lab.send_frames(0, "p0", &FRAME, 10);
    let both = |report: &Report, ifname: &str, frames| {
        let count = |what| report.count(ifname, what) == Some(frames);
        count("/sent/frames") && count("/received/frames")
    };
    agent.report("ten frames", |report| both(report, "p0", 10));

    for (at, before, after) in [(0, "p0", "p9"), (1, "q0", "q9")] {
        lab.ip(at, &["link", "set", before, "down"]);
        lab.ip(at, &["link", "set", before, "name", after]);
        lab.ip(at, &["link", "set", after, "up"]);
    }
    agent.report("another name", |report| report.pair("p9").is_some() && report.pair("q9").is_some());
    lab.send_frames(0, "p9", &FRAME, 10);
    agent.report("ten more", |report| both(report, "p9", 20));

    lab.ip(1, &["link", "set", "q9", "netns", lab.name(2)]);
    lab.ip(2, &["link", "set", "q9", "up"]);
    let report = agent.report("its new place", |report| {
        report.pair("p9").is_some_and(|pair| pair["ends"][1]["netns"]["name"] == lab.name(2))
    });
    assert_eq!((report.living(), report.event("moved")), (1, 1));
    lab.send_frames(0, "p9", &FRAME, 10);
    lab.send_frames(2, "q9", &FRAME, 5);
    agent.report("from its new place", |report| both(report, "p9", 30) && both(report, "q9", 5));

    lab.ip(0, &["link", "del", "p9"]);
    // Its programs tell that it is gone before the next look does.
    let report = agent.report("its end", |report| report.living() == 0 && report.0["agent"]["pairs"] == 0);
    let [pair] = report.pairs() else { panic!("{:#}", report.0) };
    assert_eq!(pair["directions"][0]["sent"]["frames"], 30);
    let events = ["added", "removed", "moved"].map(|event| report.event(event));
    assert_eq!(events, [1, 1, 1]);
    assert!(report.event("renamed") > 0);
    lab.remove(2);
}

#[test]
fn a_pair_in_namespaces_that_are_new_is_found_and_dies_with_them() {
    let _alone = alone();
    let lab = quiet(1);
    let agent = Agent::start(&lab, &[]);
    agent.observing(0);
    pause();
    let mut gone = Vec::new();
    soon("observed", |_| {
        let other = quiet(1);
        let start = Instant::now();
        let peer = ["type", "veth", "peer", "name", "q0", "netns", lab.name(0)];
        run("ip", &[&["-n", other.name(0), "link", "add", "p0"][..], &peer].concat());
        agent.observing(1);
        let took = start.elapsed();
        drop(other);
        let start = Instant::now();
        agent.observing(0);
        gone.push(start.elapsed());
        took
    });
    soon("gone", |n| gone[n]);
}
