//! Tying programs to devices beside others, over tcx and over clsact, and leaving nothing behind.

mod doctor;
mod ends;
mod foreign;
mod leftovers;
mod method;
mod privileges;
mod several;

use std::process::Command;

use crate::support::{
    command::{Observing, Run},
    netns::eventually,
    wire::{Wire, X, Y},
};

/// `stats` of a wire, attached; killed when dropped.
fn stats(wire: &Wire, args: &[&str]) -> Observing {
    let selector = wire.selector();
    Run::here(&[&["stats", &selector], args].concat()).observing()
}

/// Qdiscs and filters of both ends, whoever put them there.
pub(crate) fn inventory(wire: &Wire) -> String {
    let mut text = String::new();
    for (at, ifname) in [(0, X), (1, Y)] {
        text += &wire.lab.exec(at, &["tc", "qdisc", "show", "dev", ifname]);
        for hook in ["ingress", "egress"] {
            text += &wire.lab.exec(at, &["tc", "filter", "show", "dev", ifname, hook]);
        }
    }
    text
}

/// Ids of the programs that a process has open.
fn programs_of(pid: u32) -> Vec<String> {
    let mut ids = Vec::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap().flatten() {
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        // A link names its program too.
        ids.extend(text.lines().filter_map(|line| Some(line.strip_prefix("prog_id:")?.trim().to_owned())));
    }
    ids.sort();
    ids.dedup();
    ids
}

/// The kernel frees programs a moment after their last user.
fn gone(programs: &[String]) {
    // Four on the pair, and one that sees what dies.
    assert_eq!(programs.len(), 5);
    eventually("the programs are gone", || programs.iter().all(|id| !is_loaded(id)));
}

fn is_loaded(id: &str) -> bool {
    Command::new("bpftool").args(["prog", "show", "id", id]).output().unwrap().status.success()
}
