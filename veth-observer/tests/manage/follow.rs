//! `list --watch`.

use serde_json::Value;

use crate::support::{
    command::Run,
    netns::{Lab, eventually},
};

fn is(line: &str, event: &str, ifname: &str) -> bool {
    let line: Value = serde_json::from_str(line).expect("one JSON object a line");
    assert_eq!(line["schema"], 1);
    line["event"] == event
        && line["pair"]["ends"].as_array().unwrap().iter().any(|end| end["ifname"] == ifname)
}

#[test]
fn a_watch_says_what_comes_changes_and_goes() {
    let mut lab = Lab::new(2);
    let unique = format!("w{}", std::process::id());
    let (present, later) = (format!("{unique}p"), format!("{unique}l"));
    lab.ip(0, &["link", "add", &present, "type", "veth", "peer", "name", "p1", "netns", lab.name(1)]);

    let watch = Run::here(&["list", "--watch", "-j"]).lines();
    watch.wait_for("present", |line| is(line, "present", &present));
    lab.ip(0, &["link", "add", &later, "type", "veth", "peer", "name", "l1"]);
    watch.wait_for("added", |line| is(line, "added", &later));
    lab.ip(0, &["link", "set", &later, "mtu", "1400"]);
    watch.wait_for("changed", |line| is(line, "changed", &later));
    lab.ip(0, &["link", "del", &later]);
    watch.wait_for("removed", |line| is(line, "removed", &later));
    // A watch must not keep a namespace alive that its owner deleted.
    lab.remove(1);
    watch.wait_for("removed with its namespace", |line| is(line, "removed", &present));
    eventually("the pair is gone", || !lab.has(0, &present));
}

#[test]
fn a_watch_finds_new_namespaces() {
    let lab = Lab::new(1);
    let unique = format!("n{}", std::process::id());
    lab.ip(0, &["link", "add", &unique, "type", "veth", "peer", "name", "p1"]);
    let watch = Run::here(&["list", "--watch", "-j"]).lines();
    watch.wait_for("present", |line| is(line, "present", &unique));
    let newer = Lab::new(1);
    let late = format!("{unique}n");
    newer.ip(0, &["link", "add", &late, "type", "veth", "peer", "name", "p1"]);
    watch.wait_for("added", |line| is(line, "added", &late));
}

#[test]
fn an_interrupted_watch_ends_well() {
    let lab = Lab::new(1);
    let unique = format!("i{}", std::process::id());
    lab.ip(0, &["link", "add", &unique, "type", "veth", "peer", "name", "p1"]);
    let mut watch = Run::here(&["list", "--watch"]).lines();
    watch.wait_for("present", |line| line.starts_with("present") && line.contains(&unique));
    crate::support::netns::run("kill", &["-INT", &watch.child.pid().to_string()]);
    assert_eq!(watch.child.0.wait().unwrap().code(), Some(0));
}
