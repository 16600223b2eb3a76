//! Who lives in a namespace, held to what real container engines say.

mod containerd;
mod docker;
mod podman;

use serde_json::Value;

use crate::support::command::Run;

/// The ends whose owner is called so, by its name or its pod's, each with its peer.
fn owned_by(name: &str) -> Vec<[Value; 2]> {
    let list = Run::here(&["list", "-j"]).outcome().json();
    let mut found = Vec::new();
    for pair in list["pairs"].as_array().unwrap() {
        for at in 0..2 {
            let end = &pair["ends"][at];
            if end["owner"]["name"] == name || end["owner"]["pod"] == name {
                found.push([end.clone(), pair["ends"][1 - at].clone()]);
            }
        }
    }
    found
}

/// The one end of that owner, with its peer.
#[track_caller]
fn end_of(name: &str) -> [Value; 2] {
    let mut found = owned_by(name);
    assert_eq!(found.len(), 1, "{name}: {found:#?}");
    found.remove(0)
}

/// What identifies an end; its state may still change.
fn identity(end: &Value) -> [&Value; 3] {
    [&end["netns"]["cookie"], &end["ifindex"], &end["ifname"]]
}

/// The pids that a process has, from our pid namespace to its own.
fn pids(pid: &Value) -> Vec<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("NSpid:")).unwrap();
    line.split_whitespace().skip(1).map(|pid| pid.parse().unwrap()).collect()
}

/// The network namespace of a process.
fn netns_of(pid: &Value) -> String {
    std::fs::read_link(format!("/proc/{pid}/ns/net")).unwrap().to_str().unwrap().to_owned()
}
