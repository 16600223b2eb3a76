//! `create` and `delete`.

use std::process::Command;

use serde_json::Value;

use crate::support::{command::Run, netns::Lab};

/// What two runs may not have in common.
fn comparable(mut link: Value) -> Value {
    let link = link[0].as_object_mut().expect("one link");
    for key in ["ifindex", "link_index", "link_netnsid"] {
        link.remove(key);
    }
    Value::Object(link.clone())
}

#[test]
fn the_plainest_pair() {
    let lab = Lab::new(1);
    let said = Run::within(lab.name(0), &["create", "veth0", "veth1", "--up"]).outcome().ok();
    assert_eq!(said, "created veth0 (ifindex 3) <-> veth1 (ifindex 2), mtu 1500, both up\n");
    assert_eq!(lab.ip_json(0, &["link", "show", "veth0"])[0]["operstate"], "UP");
    assert_eq!(lab.ip_json(0, &["link", "show", "veth1"])[0]["operstate"], "UP");
}

#[test]
fn every_flag_does_what_it_says() {
    let lab = Lab::new(2);
    let (near, far) = (lab.name(0), lab.name(1));
    let args = [
        "create",
        "web0",
        "eth0",
        "--netns",
        near,
        "--peer-netns",
        far,
        "--addr",
        "10.9.0.1/24",
        "--addr",
        "fd09::1/64",
        "--peer-addr",
        "10.9.0.2/24",
        "--mtu",
        "9000",
        "--mac",
        "02:00:00:00:00:01",
        "--peer-mac",
        "02:00:00:00:00:02",
        "--queues",
        "3",
        "--up",
        "-j",
    ];
    let made = Run::here(&args).outcome().json();
    assert_eq!(made["pair"]["ends"][0]["netns"]["name"], near);
    assert_eq!(made["pair"]["ends"][1]["netns"]["name"], far);
    assert_eq!(made["pair"]["ends"][1]["operstate"], "up");
    for (at, name, mac, addresses) in [
        (0, "web0", "02:00:00:00:00:01", vec!["10.9.0.1", "fd09::1"]),
        (1, "eth0", "02:00:00:00:00:02", vec!["10.9.0.2"]),
    ] {
        let link = &lab.ip_json(at, &["address", "show", name])[0];
        assert_eq!(made["pair"]["ends"][at]["ifindex"], link["ifindex"]);
        assert_eq!(link["address"], mac);
        assert_eq!(link["mtu"], 9000);
        assert_eq!(link["num_rx_queues"], 3);
        assert_eq!(link["num_tx_queues"], 3);
        assert_eq!(link["operstate"], "UP");
        let found: Vec<&str> = link["addr_info"]
            .as_array()
            .unwrap()
            .iter()
            .map(|address| address["local"].as_str().unwrap())
            .collect();
        assert_eq!(found, addresses);
    }
}

#[test]
fn the_commands_of_a_dry_run_make_the_same_pair() {
    let lab = Lab::new(2);
    let args = [
        "create",
        "web0",
        "eth0",
        "--netns",
        lab.name(0),
        "--peer-netns",
        lab.name(1),
        "--addr",
        "10.9.0.1/24",
        "--peer-addr",
        "fd09::2/64",
        "--mtu",
        "1400",
        "--mac",
        "02:00:00:00:00:01",
        "--peer-mac",
        "02:00:00:00:00:02",
        "--queues",
        "2",
        "--up",
    ];
    let script = Run::here(&[&args[..], &["--dry-run"]].concat()).outcome().ok();
    assert!(!lab.has(0, "web0"), "a dry run makes nothing");
    let look = |at, name| comparable(lab.ip_json(at, &["address", "show", name]));

    let shell = Command::new("sh").args(["-e", "-c", &script]).output().unwrap();
    assert!(shell.status.success(), "{script}{}", String::from_utf8_lossy(&shell.stderr));
    let from_shell = [look(0, "web0"), look(1, "eth0")];
    lab.ip(0, &["link", "del", "web0"]);

    Run::here(&args).outcome().ok();
    assert_eq!([look(0, "web0"), look(1, "eth0")], from_shell, "{script}");
}

#[test]
fn a_dry_run_reaches_a_namespace_without_a_name() {
    let lab = Lab::new(1);
    let process = super::find::unnamed();
    let pid = format!("pid:{}", process.pid());
    let args = [
        "create",
        "web0",
        "eth0",
        "--netns",
        lab.name(0),
        "--peer-netns",
        &pid,
        "--peer-addr",
        "10.9.0.2/24",
    ];
    let script = Run::here(&[&args[..], &["--dry-run"]].concat()).outcome().ok();
    let shell = Command::new("sh").args(["-e", "-c", &script]).output().unwrap();
    assert!(shell.status.success(), "{script}{}", String::from_utf8_lossy(&shell.stderr));
    assert!(lab.has(0, "web0"));
}

#[test]
fn a_failure_on_the_way_leaves_nothing() {
    let lab = Lab::new(2);
    // The same address twice: both ends are there when the kernel refuses the second one.
    let args = [
        "create",
        "web0",
        "eth0",
        "--netns",
        lab.name(0),
        "--peer-netns",
        lab.name(1),
        "--peer-addr",
        "10.9.0.2/24",
        "--peer-addr",
        "10.9.0.2/24",
    ];
    let said = Run::here(&args).outcome().fails(1);
    assert_eq!(said, "cannot add 10.9.0.2/24 to eth0: file exists");
    assert!(!lab.has(0, "web0") && !lab.has(1, "eth0"));
}

#[test]
fn a_name_that_is_taken_stays_as_it_is() {
    let lab = Lab::new(2);
    lab.ip(1, &["link", "add", "eth0", "type", "bridge"]);
    let args = ["create", "web0", "eth0", "--netns", lab.name(0), "--peer-netns", lab.name(1)];
    let said = Run::here(&args).outcome().fails(1);
    assert_eq!(said, format!("there is already an interface eth0 in netns {}", lab.name(1)));
    assert!(!lab.has(0, "web0"));
    assert_eq!(lab.ip_json(1, &["link", "show", "eth0"])[0]["linkinfo"]["info_kind"], "bridge");
}

#[test]
fn either_end_deletes_both() {
    let lab = Lab::new(2);
    let (near, far) = (format!("n{}", std::process::id()), format!("f{}", std::process::id()));
    let create = ["create", &near, &far, "--netns", lab.name(0), "--peer-netns", lab.name(1)];
    for (at, named) in [(0, &near), (1, &far)] {
        Run::here(&create).outcome().ok();
        let said = Run::here(&["delete", &format!("netns:{}/{named}", lab.name(at))]).outcome().ok();
        assert!(said.starts_with(&format!("deleted {named} (ifindex ")), "{said}");
        assert!(!lab.has(0, &near) && !lab.has(1, &far));
    }
    let gone = Run::within(lab.name(0), &["delete", &near, "--yes"]).outcome().fails(4);
    assert_eq!(gone, format!("there is no veth end {near}"));
}

#[test]
fn a_bare_name_deletes_nothing_elsewhere() {
    let lab = Lab::new(2);
    let name = format!("e{}", std::process::id());
    Run::within(lab.name(1), &["create", &name]).outcome().ok();
    let outcome = Run::within(lab.name(0), &["delete", &name]).outcome();
    assert!(
        outcome.stderr.contains(&format!("fix: veth-observer delete netns:{}/{name}", lab.name(1))),
        "{outcome:?}"
    );
    let said = outcome.fails(4);
    assert_eq!(said, format!("{name} is not in this network namespace but in netns {}", lab.name(1)));
    assert!(lab.has(1, &name));
}

#[test]
fn the_second_name_may_be_left_out() {
    let lab = Lab::new(1);
    let made = Run::within(lab.name(0), &["create", "a", "-j"]).outcome().json();
    assert_eq!(made["pair"]["ends"][1]["ifname"], "a-peer");
}
