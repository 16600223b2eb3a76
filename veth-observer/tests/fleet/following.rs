//! Pairs that come, are renamed, move and go while they are observed.

use std::time::{Duration, Instant};

use super::{Agent, FRAME, Report, make, pause, quiet};

/// A second, and what it takes until the next report is out.
const SOON: Duration = Duration::from_millis(1500);

#[test]
fn a_pair_comes_is_renamed_moves_and_goes() {
    let mut lab = quiet(3);
    let agent = Agent::start(&lab, &[]);
    agent.observing(0);
    pause();
    let start = Instant::now();
    make(&lab, 0..1);
    agent.observing(1);
    assert!(start.elapsed() < SOON, "observed after {:?}", start.elapsed());

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

    let start = Instant::now();
    lab.ip(0, &["link", "del", "p9"]);
    let report = agent.report("its end", |report| report.living() == 0);
    assert!(start.elapsed() < SOON, "gone after {:?}", start.elapsed());
    let [pair] = report.pairs() else { panic!("{:#}", report.0) };
    assert_eq!(pair["directions"][0]["sent"]["frames"], 30);
    let events = ["added", "removed", "moved"].map(|event| report.event(event));
    assert_eq!(events, [1, 1, 1]);
    assert!(report.event("renamed") > 0);
    assert_eq!(report.0["agent"]["pairs"], 0);
    lab.remove(2);
}

#[test]
fn a_pair_in_namespaces_that_are_new_is_found_and_dies_with_them() {
    let mut lab = quiet(1);
    let agent = Agent::start(&lab, &[]);
    agent.observing(0);
    pause();
    let other = quiet(1);
    let start = Instant::now();
    let peer = ["type", "veth", "peer", "name", "q0", "netns", lab.name(0)];
    crate::support::netns::run("ip", &[&["-n", other.name(0), "link", "add", "p0"][..], &peer].concat());
    agent.observing(1);
    assert!(start.elapsed() < SOON, "observed after {:?}", start.elapsed());
    drop(other);
    let start = Instant::now();
    agent.observing(0);
    assert!(start.elapsed() < SOON, "gone after {:?}", start.elapsed());
    lab.remove(0);
}
