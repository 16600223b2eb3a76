//! `list` and `peer`: pairs wherever their ends are.

use std::process::Command;

use serde_json::Value;

use crate::support::{
    command::Run,
    netns::{Background, Lab, eventually},
};

/// A process in a network namespace that has no name.
pub(crate) fn unnamed() -> Background {
    let process = Background::start(Command::new("unshare").args(["-n", "sleep", "1000"]));
    let path = format!("/proc/{}/ns/net", process.pid());
    let own = std::fs::read_link("/proc/self/ns/net").unwrap();
    eventually("a namespace of its own", || std::fs::read_link(&path).is_ok_and(|there| there != own));
    process
}

/// The pairs with an end in one of the lab's namespaces, each as `name@netns name@netns`, sorted.
fn pairs_of(lab: &Lab, count: usize) -> Vec<String> {
    let list = Run::here(&["list", "-j"]).outcome().json();
    let names: Vec<&str> = (0..count).map(|at| lab.name(at)).collect();
    let label = |end: &Value| {
        format!("{}@{}", end["ifname"].as_str().unwrap_or("?"), end["netns"]["name"].as_str().unwrap_or("?"))
    };
    let is_ours = |end: &Value| names.iter().any(|name| end["netns"]["name"] == *name);
    let mut pairs: Vec<String> = list["pairs"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|pair| {
            let ends = pair["ends"].as_array().unwrap();
            let mut labels: Vec<String> = ends.iter().map(label).collect();
            labels.sort();
            ends.iter().any(is_ours).then(|| labels.join(" "))
        })
        .collect();
    pairs.sort();
    pairs
}

#[test]
fn both_ends_of_every_pair_across_namespaces() {
    let lab = Lab::new(3);
    lab.ip(0, &["link", "add", "a0", "type", "veth", "peer", "name", "a1"]);
    lab.ip(0, &["link", "add", "b0", "type", "veth", "peer", "name", "b1", "netns", lab.name(1)]);
    lab.ip(1, &["link", "add", "c0", "type", "veth", "peer", "name", "c1", "netns", lab.name(2)]);
    // Neither its name nor its index makes a device a veth.
    lab.ip(0, &["link", "add", "veth0", "type", "bridge"]);
    let [x, y, z] = [0, 1, 2].map(|at| lab.name(at));
    let mut expected = vec![format!("a0@{x} a1@{x}"), format!("b0@{x} b1@{y}"), format!("c0@{y} c1@{z}")];
    expected.sort();
    assert_eq!(pairs_of(&lab, 3), expected);
}

#[test]
fn equal_indexes_are_told_apart() {
    let lab = Lab::new(4);
    for (near, far) in [(0, 1), (2, 3)] {
        lab.ip(
            near,
            &[
                "link",
                "add",
                "v0",
                "index",
                "7",
                "type",
                "veth",
                "peer",
                "name",
                "v1",
                "index",
                "7",
                "netns",
                lab.name(far),
            ],
        );
    }
    let expected: Vec<String> = [(0, 1), (2, 3)]
        .iter()
        .map(|&(near, far)| format!("v0@{} v1@{}", lab.name(near), lab.name(far)))
        .collect();
    assert_eq!(pairs_of(&lab, 4), expected);
    let said = Run::within(lab.name(2), &["peer", "v0"]).outcome().ok();
    assert_eq!(said, format!("v1 (ifindex 7) in netns {}\n", lab.name(3)));
}

#[test]
fn namespaces_in_namespaces_without_a_name() {
    let lab = Lab::new(1);
    let (outer, inner) = (unnamed(), unnamed());
    let (outer_pid, inner_pid) = (outer.pid().to_string(), inner.pid().to_string());
    lab.ip(0, &["link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", &outer_pid]);
    let into_outer =
        ["-t", outer_pid.as_str(), "-n", "ip", "link", "add", "w0", "type", "veth", "peer", "name", "w1"];
    crate::support::netns::run("nsenter", &[&into_outer[..], &["netns", &inner_pid]].concat());

    let said = Run::within(lab.name(0), &["peer", "v0"]).outcome().ok();
    assert_eq!(said, format!("v1 (ifindex 2) in netns pid {outer_pid} (sleep)\n"));
    let selector = format!("netns:pid:{inner_pid}/w1");
    let peer = Run::here(&["peer", &selector, "-j"]).outcome().json();
    assert_eq!(peer["peer"]["ifname"], "w0");
    let inode = std::fs::read_link(format!("/proc/{outer_pid}/ns/net")).unwrap();
    assert_eq!(inode.to_str().unwrap(), format!("net:[{}]", peer["peer"]["netns"]["inode"]));
}

#[test]
fn the_peer_is_the_one_that_ethtool_names() {
    let lab = Lab::new(2);
    lab.ip(0, &["link", "add", "spare", "type", "bridge"]);
    lab.ip(0, &["link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", lab.name(1)]);
    for (at, name, other) in [(0, "v0", "v1"), (1, "v1", "v0")] {
        let statistics = lab.exec(at, &["ethtool", "-S", name]);
        let line = statistics.lines().find(|line| line.contains("peer_ifindex")).expect("peer_ifindex");
        let ifindex: u64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        let peer = Run::within(lab.name(at), &["peer", name, "-j"]).outcome().json();
        assert_eq!(peer["peer"]["ifindex"], ifindex);
        assert_eq!(peer["peer"]["ifname"], other);
        assert_eq!(
            Run::within(lab.name(at), &["peer", name, "--name-only"]).outcome().ok(),
            format!("{other}\n")
        );
    }
}

#[test]
fn a_pair_is_found_by_index_and_by_alternative_name() {
    let lab = Lab::new(1);
    lab.ip(0, &["link", "add", "v0", "index", "40", "type", "veth", "peer", "name", "v1"]);
    lab.ip(0, &["link", "property", "add", "dev", "v0", "altname", "a-much-longer-name-for-v0"]);
    for selector in ["ifindex:40", "a-much-longer-name-for-v0"] {
        assert_eq!(Run::within(lab.name(0), &["peer", selector, "--name-only"]).outcome().ok(), "v1\n");
    }
}

#[test]
fn ends_that_move_and_vanish_meanwhile_do_no_harm() {
    let lab = Lab::new(2);
    let (near, far) = (lab.name(0).to_owned(), lab.name(1).to_owned());
    let name = format!("m{}", std::process::id());
    let script = format!(
        "while :; do ip -n {near} link add {name} type veth peer name v1
         ip -n {near} link set v1 netns {far}; ip -n {far} link set v1 netns {near}; ip -n {near} link del {name}; done"
    );
    let busy = Background::start(Command::new("sh").args(["-c", &script]));
    for _ in 0..40 {
        let list = Run::here(&["list", "-j"]).outcome().json();
        for pair in list["pairs"].as_array().unwrap() {
            assert_eq!(pair["ends"].as_array().unwrap().len(), 2);
        }
        let peer = Run::within(&near, &["peer", &name]).outcome();
        assert!(matches!(peer.code, Some(0 | 4)), "{peer:?}");
        let show = Run::within(&near, &["show", &name, "-j"]).outcome();
        assert!(matches!(show.code, Some(0 | 4)), "{show:?}");
    }
    drop(busy);
}
