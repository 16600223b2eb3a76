//! Pairs that the file declares.

use std::process::Command;

use super::{Agent, Folder, base, of};
use crate::{
    fleet::quiet,
    support::netns::{Lab, eventually},
};

/// A file that declares `d0` to `e0`, to be removed, and `s0` to `t0`, to stay.
fn text(folder: &Folder, lab: &Lab) -> String {
    let [here, there] = [lab.name(0), lab.name(1)];
    let pair = |name: &str, peer: &str, more: &str| {
        format!(
            "[[pair]]\nname = '{name}'\npeer = '{peer}'\nnetns = '{here}'\npeer_netns = '{there}'\n{more}\n"
        )
    };
    let first = "addresses = ['10.9.0.1/24', '10.9.0.3/32']\npeer_addresses = ['10.9.0.2/24']\nmtu = 1400
        mac = '02:00:00:00:09:01'\nqueues = 2\nremove_at_exit = true";
    base(folder, &[of(lab, "*")]) + &pair("d0", "e0", first) + &pair("s0", "t0", "up = false")
}

fn index(lab: &Lab, ifname: &str) -> u64 {
    lab.ip_json(0, &["link", "show", ifname])[0]["ifindex"].as_u64().unwrap()
}

#[test]
fn they_are_made_kept_and_removed_as_marked() {
    let lab = quiet(2);
    let folder = Folder::new();
    let mut agent = Agent::start(&folder, &text(&folder, &lab));
    agent.observing(2);
    let device = &lab.ip_json(0, &["addr", "show", "d0"])[0];
    assert_eq!((&device["mtu"], &device["address"]), (&1400.into(), &"02:00:00:00:09:01".into()));
    assert_eq!((&device["operstate"], &device["num_tx_queues"]), (&"UP".into(), &2.into()));
    let addresses: Vec<_> =
        device["addr_info"].as_array().unwrap().iter().map(|it| it["local"].clone()).collect();
    assert!(addresses.contains(&"10.9.0.1".into()), "{addresses:?}");
    assert_eq!(lab.ip_json(0, &["link", "show", "s0"])[0]["operstate"], "DOWN");
    // It goes, and comes again, and is observed again.
    let before = index(&lab, "d0");
    lab.ip(1, &["link", "del", "e0"]);
    let report = agent.report("another", |report| report.event("added") == 3 && report.living() == 2);
    assert!(report.pair("d0").is_some() && index(&lab, "d0") != before);

    // Killed, it leaves them; the next one knows its own.
    agent.agent.signal("-KILL");
    agent.agent.0.child.0.wait().unwrap();
    assert!(lab.has(0, "d0") && lab.has(0, "s0"));
    let before = index(&lab, "d0");
    let said = folder.said().len();
    let agent = Agent::start(&folder, &text(&folder, &lab));
    agent.observing(2);
    assert_eq!(index(&lab, "d0"), before);
    agent.end();
    assert!(!lab.has(0, "d0") && !lab.has(1, "e0"), "{}", folder.said());
    assert!(lab.has(0, "s0") && lab.has(1, "t0"));
    let said = folder.said().split_off(said);
    assert!(!said.contains("created") && !said.contains("left alone"), "{said}");
    assert!(said.contains("removed the declared pair d0 "), "{said}");
}

#[test]
fn what_is_not_ours_is_left_alone_whatever_it_is() {
    let lab = quiet(2);
    let folder = Folder::new();
    let [here, there] = [lab.name(0), lab.name(1)];
    // As declared but for the MTU, and not marked.
    lab.ip(0, &["link", "add", "d0", "type", "veth", "peer", "name", "e0", "netns", there]);
    lab.ip(0, &["link", "set", "d0", "alias", "mine"]);
    // The names, but not of one pair.
    lab.ip(0, &["link", "add", "s0", "type", "veth", "peer", "name", "other"]);
    lab.ip(1, &["link", "add", "t0", "type", "veth", "peer", "name", "other"]);
    let before = lab.ip(0, &["-d", "link"]);
    let agent = Agent::start(&folder, &text(&folder, &lab));
    agent.observing(2);
    agent.says(&format!(
        "the declared pair d0 ({here}) <-> e0 ({there}) is left alone: d0 has an MTU of 1500, not 1400"
    ));
    agent.says("is left alone: there are s0 and t0, which are no pair");
    // Reading it again does not make it ours.
    agent.reload(&text(&folder, &lab).replace("mtu = 1400\n", ""));
    agent.says("is left alone: d0 has the address");
    agent.end();
    assert_eq!(lab.ip(0, &["-d", "link"]), before);
    assert!(!folder.said().contains("removed") && !folder.said().contains("created"), "{}", folder.said());
}

#[test]
fn a_name_that_is_taken_is_said_once_and_tried_again() {
    let lab = quiet(2);
    let folder = Folder::new();
    lab.ip(1, &["link", "add", "e0", "type", "veth", "peer", "name", "other"]);
    let agent = Agent::start(&folder, &text(&folder, &lab));
    agent.says("is left alone: there is a e0 without d0");
    lab.ip(1, &["link", "del", "e0"]);
    eventually("it is made", || lab.has(0, "d0"));
    agent.end();
    assert_eq!(folder.said().matches("without d0").count(), 1, "{}", folder.said());
}

#[test]
fn a_namespace_may_come_later_and_a_pair_may_be_declared_no_more() {
    let lab = quiet(2);
    let folder = Folder::new();
    let name = format!("{}-late", lab.name(1));
    let late = text(&folder, &lab)
        .replace(&format!("peer_netns = '{}'", lab.name(1)), &format!("peer_netns = '{name}'"));
    let agent = Agent::start(&folder, &late);
    agent.says(&format!("there is no network namespace {name}"));
    let _late = Late::new(&name);
    eventually("both are made", || lab.has(0, "d0") && lab.has(0, "s0"));
    agent.observing(2);
    agent.reload(&base(&folder, &[of(&lab, "*")]));
    eventually("the one is removed", || !lab.has(0, "d0"));
    assert!(lab.has(0, "s0"));
    agent.observing(1);
    agent.end();
}

/// A namespace, gone with the value.
struct Late<'a>(&'a str);

impl<'a> Late<'a> {
    fn new(name: &'a str) -> Self {
        crate::support::netns::run("ip", &["netns", "add", name]);
        Self(name)
    }
}

impl Drop for Late<'_> {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", self.0]).status();
    }
}
