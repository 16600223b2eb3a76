//! A thousand namespaces, of which a pair is in two.

use std::{
    thread,
    time::{Duration, Instant},
};

use veth_observer::netns::Namespace;

use super::{Agent, FRAME, make, quiet};
use crate::support::netns::{alone, apart, eventually};

const NAMESPACES: usize = 1000;

/// What the agent may take to watch over them at rest, of one CPU, not optimised.
const AT_REST: f64 = 0.5;

#[test]
fn among_a_thousand_namespaces_pairs_are_found_and_none_is_kept_alive() {
    // Whoever else looks around meanwhile takes longer for it.
    let _alone = alone();
    if !apart("fleet::namespaces::among_a_thousand_namespaces_pairs_are_found_and_none_is_kept_alive") {
        return;
    }
    let lab = quiet(2);
    make(&lab, 0..1);
    let crowd: Vec<Namespace> = (0..NAMESPACES).map(|_| Namespace::create_unnamed().unwrap()).collect();
    let agent = Agent::start(&lab, &[]);
    agent.observing(1);
    assert!(agent.process().files() > NAMESPACES, "it listens in each");
    make(&lab, 1..2);
    agent.observing(2);
    lab.send_frames(0, "p1", &FRAME, 10);
    agent.report("all frames", |report| report.count("p1", "/received/frames") == Some(10));

    // Nothing happens, which no fact tells.
    let (began, before) = (Instant::now(), agent.process().cpu());
    thread::sleep(Duration::from_secs(3));
    let share = agent.process().cpu().saturating_sub(before).as_secs_f64() / began.elapsed().as_secs_f64();
    assert!(share < AT_REST, "{share} of a CPU");
    let mib = agent.process().rss_kib() >> 10;
    assert!(mib < 96, "{mib} MiB");

    drop(crowd);
    eventually("it lets go of those that ended", || agent.process().files() < 150);
    assert_eq!(agent.report("both pairs", |_| true).living(), 2);
}
