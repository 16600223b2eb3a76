//! What is said when the agent or the pair goes away meanwhile.

use serde_json::Value;

use super::{Host, fates};
use crate::support::{
    command::Outcome,
    netns::{eventually, run},
    wire::X,
};

/// The report of a run that told why it ended and failed for it.
#[track_caller]
fn failed(outcome: &Outcome, why: &str) -> Value {
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains(why) && outcome.stderr.contains("\nfix: "), "{outcome:?}");
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert!(report["pairs"][0]["ended"].as_str().unwrap().contains(why), "{report:#}");
    report
}

fn line(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn an_agent_that_is_killed_leaves_what_was_known() {
    let host = Host::new();
    let agent = host.agent(&[]);
    host.send(5);
    let mut stats = host.member("stats", &["--interval", "200ms"]).lines();
    stats.wait_for("the beginning", |_| true);
    host.send(20);
    stats.wait_for("all frames", |text| fates(&line(text), 0)[1] == 20);
    agent.kill();
    let last = stats.wait_for("the end", |text| !line(text)["pairs"][0]["ended"].is_null());
    let report = line(&last);
    assert_eq!(fates(&report, 0), [20, 20, 0, 0, 0, 0], "{report:#}");
    let why = report["pairs"][0]["ended"].as_str().unwrap();
    assert!(why.starts_with("the agent at /") && why.ends_with("has ended meanwhile"), "{why}");
    assert_eq!(stats.child.0.wait().unwrap().code(), Some(1));
}

#[test]
fn another_agent_in_its_place_is_not_taken_for_it() {
    let host = Host::new();
    let agent = host.agent(&[]);
    host.send(100);
    let stats = host.member("stats", &[]).observing();
    let pid = stats.pid().to_string();
    run("kill", &["-STOP", &pid]);
    agent.kill();
    let _another = host.agent(&[]);
    host.send(7);
    eventually("it counts anew", || host.out().is_some_and(|out| out.received.frames == 7));
    run("kill", &["-CONT", &pid]);
    let report = failed(&stats.outcome(), "was restarted meanwhile");
    assert_eq!(fates(&report, 0), [0; 6], "{report:#}");
}

#[test]
fn a_pair_that_is_deleted_ends_the_command_with_its_last_numbers() {
    let host = Host::new();
    let _agent = host.agent(&[]);
    host.send(100);
    let stats = host.member("stats", &[]).observing();
    host.send(40);
    host.wire.lab.ip(0, &["link", "del", X]);
    let report = stats.outcome().json();
    assert_eq!(fates(&report, 0), [40, 40, 0, 0, 0, 0], "{report:#}");
    assert!(report["pairs"][0]["ended"].as_str().unwrap().contains(X), "{report:#}");
}

#[test]
fn an_agent_that_is_told_to_end_is_no_agent_that_hangs() {
    let host = Host::new();
    let agent = host.agent(&[]);
    let outcome = host.member("stats", &["--interval", "200ms"]).observing();
    agent.signal("-TERM");
    let outcome = outcome.outcome();
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    let last: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
    // As it ends, it may still say that it has nothing to say.
    assert!(last["pairs"][0]["ended"].as_str().unwrap().contains("the agent at /"), "{last:#}");
}
