//! What works without any privilege, and what is said where it does not.

use crate::support::{command::Run, netns::Lab};

#[test]
fn list_and_peer_show_what_may_be_seen() {
    let lab = Lab::new(2);
    lab.ip(0, &["link", "add", "a0", "type", "veth", "peer", "name", "a1"]);
    lab.ip(0, &["link", "add", "b0", "type", "veth", "peer", "name", "b1", "netns", lab.name(1)]);
    let list = Run::nobody(lab.name(0), &["list", "-j"]).outcome().json();
    let pairs = list["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 2, "{list:#}");
    assert!(list["unseen"].as_u64().unwrap() > 0, "{list:#}");
    let [near, far] = [&pairs[1]["ends"][0], &pairs[1]["ends"][1]];
    assert_eq!(near["ifname"], "b0");
    assert_eq!(near["netns"]["name"], lab.name(0));
    assert!(near["netns"]["cookie"].is_u64());
    assert_eq!(far["ifname"], serde_json::Value::Null);
    assert_eq!(far["netns"]["name"], lab.name(1), "names under /run/netns are public");
    let ifindex = lab.ip_json(1, &["link", "show", "b1"])[0]["ifindex"].clone();
    assert_eq!(far["ifindex"], ifindex);

    let said = Run::nobody(lab.name(0), &["peer", "b0"]).outcome().ok();
    assert_eq!(said, format!("ifindex {ifindex} in netns {}\n", lab.name(1)));
    assert_eq!(
        Run::nobody(lab.name(0), &["peer", "a0"]).outcome().ok(),
        format!("a1 (ifindex 2) in netns {}\n", lab.name(0))
    );
}

#[test]
fn list_says_how_many_namespaces_it_could_not_see() {
    let lab = Lab::new(2);
    lab.ip(1, &["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
    let outcome = Run::nobody(lab.name(0), &["list"]).outcome();
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), "no veth pairs\n"));
    assert!(outcome.stderr.ends_with(" could not be looked into; sudo shows all\n"), "{outcome:?}");
    let seen_by_root = Run::within(lab.name(0), &["list", "-j"]).outcome().json();
    assert_eq!(seen_by_root["unseen"], 0);
}

#[test]
fn the_peer_in_a_nameless_namespace_is_known_by_a_process() {
    let lab = Lab::new(1);
    let process = super::find::unnamed();
    let pid = process.pid().to_string();
    lab.ip(0, &["link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", &pid]);
    let said = Run::nobody(lab.name(0), &["peer", "v0"]).outcome().ok();
    assert_eq!(said, format!("ifindex 2 in netns pid {pid} (sleep)\n"));
}

#[test]
fn show_works_but_for_the_programs() {
    let lab = Lab::new(1);
    lab.ip(0, &["link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
    let shown = Run::nobody(lab.name(0), &["show", "v0", "-j"]).outcome().json();
    assert_eq!(shown["link"], "v1");
    assert_eq!(shown["bpf"], serde_json::Value::Null);
}

#[test]
fn what_needs_privilege_says_which_and_how_to_get_it() {
    let lab = Lab::new(2);
    lab.ip(0, &["link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", lab.name(1)]);
    let cases: [(&[&str], &str); 4] = [
        (&["create", "x", "y"], "cannot make x and y: it needs CAP_NET_ADMIN"),
        (&["create", "x", "y", "--peer-netns", lab.name(1)], "it needs CAP_SYS_ADMIN"),
        (&["delete", "v0"], "cannot delete v0: it needs CAP_NET_ADMIN"),
        (&["peer", "v0", "--name-only"], "is not visible"),
    ];
    for (args, expected) in cases {
        let outcome = Run::nobody(lab.name(0), args).outcome();
        assert!(
            outcome.stderr.contains("\nfix: run it with sudo, or once: sudo setcap cap_net_admin,"),
            "{outcome:?}"
        );
        let said = outcome.fails(3);
        assert!(said.contains(expected), "{said}");
    }
    assert!(lab.has(0, "v0"));
}
