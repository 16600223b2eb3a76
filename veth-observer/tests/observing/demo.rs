//! `demo`.

use std::time::{Duration, Instant};

use veth_observer::netns;

use crate::support::{
    command::Run,
    netns::{eventually, run},
};

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
