//! What it does to the devices ends with it, also when it is killed, and what others have there is not touched.

use std::process::Command;

use crate::{
    attach::inventory,
    support::{
        bpf::{self, Hook as Foreign},
        command::{Observing, Run},
        netns::{eventually, run},
        wire::{METHODS, Wire, X, Y},
    },
};

const MODES: [&str; 2] = ["native", "generic"];

fn stats(wire: &Wire, mode: &str, method: &str) -> Observing {
    let selector = wire.selector();
    let args = ["stats", &selector, "--hook", "xdp", "--xdp-mode", mode, "--attach", method, "-j"];
    Run::here(&args).observing_among_log_lines()
}

/// Programs, offloads, limits, qdiscs and filters of both ends.
fn state(wire: &Wire) -> String {
    let mut text = inventory(wire);
    for (at, ifname) in [(0, X), (1, Y)] {
        let link = &wire.lab.ip_json(at, &["link", "show", ifname])[0];
        text += &[&link["xdp"], &link["max_mtu"], &link["flags"]].map(ToString::to_string).join(" ");
        text += &wire.lab.exec(at, &["ethtool", "-k", ifname]);
    }
    text
}

fn xdp_programs(wire: &Wire) -> Vec<String> {
    let links =
        [(0, X), (1, Y)].map(|(at, ifname)| wire.lab.ip_json(at, &["link", "show", ifname])[0].clone());
    let names = links.iter().filter_map(|link| Some(link["xdp"]["prog"]["name"].as_str()?.to_owned()));
    names.collect()
}

#[test]
fn everything_is_as_it_was_after_a_stop_and_after_a_kill() {
    let wire = Wire::new();
    let before = state(&wire);
    for mode in MODES {
        for method in METHODS {
            let running = stats(&wire, mode, &method.to_string());
            assert_eq!(xdp_programs(&wire), ["vo_a_xdp", "vo_b_xdp"]);
            assert_ne!(state(&wire), before);
            let outcome = running.interrupt();
            assert_eq!(outcome.code, Some(0), "{outcome:?}");
            let report: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
            assert_eq!(report["pairs"][0]["hook"], format!("xdp-{mode}"));
            assert_eq!(state(&wire), before, "{mode}");
        }
        let running = stats(&wire, mode, "tcx");
        assert_eq!(xdp_programs(&wire).len(), 2);
        drop(running);
        eventually("all is as it was", || state(&wire) == before);
        // The filters of a run that was killed are swept as ever; its XDP programs have gone with it.
        let running = stats(&wire, mode, "clsact");
        drop(running);
        eventually("the XDP programs are gone", || xdp_programs(&wire).is_empty());
        assert_eq!(stats(&wire, mode, "clsact").interrupt().code, Some(0));
        assert_eq!(state(&wire), before, "{mode}");
    }
}

#[test]
fn only_the_program_that_is_used_is_loaded() {
    for (mtu, mode, name) in [
        ("1500", "native", "vo_b_xdp"),
        ("3506", "native", "vo_b_xdp"),
        ("3507", "native", "vo_b_xdp_frags"),
        ("9000", "generic", "vo_b_xdp"),
    ] {
        let wire = Wire::with_mtu(mtu.parse().unwrap());
        let running = stats(&wire, mode, "auto");
        let names = xdp_programs(&wire);
        assert_eq!(names.last().map(String::as_str), Some(name), "{mtu} {mode}");
        let loaded = programs_of(running.pid());
        let of_xdp = loaded.iter().filter(|name| name.contains("_xdp")).count();
        assert_eq!(of_xdp, 2, "{loaded:?}");
        assert_eq!(running.interrupt().code, Some(0));
    }
}

/// Names of the programs that a process has open, or has links to.
fn programs_of(pid: u32) -> Vec<String> {
    let mut ids: Vec<String> = std::fs::read_dir(format!("/proc/{pid}/fdinfo"))
        .unwrap()
        .flatten()
        .filter_map(|entry| std::fs::read_to_string(entry.path()).ok())
        .flat_map(|text| {
            let ids =
                text.lines().filter_map(|line| line.strip_prefix("prog_id:")).map(|id| id.trim().to_owned());
            ids.collect::<Vec<_>>()
        })
        .collect();
    ids.sort();
    ids.dedup();
    let name = |id: &String| {
        let shown = Command::new("bpftool").args(["-j", "prog", "show", "id", id]).output().unwrap();
        let program: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
        program["name"].as_str().unwrap_or_default().to_owned()
    };
    ids.iter().map(name).collect()
}

#[test]
fn a_program_that_someone_takes_off_ends_the_observation() {
    let wire = Wire::new();
    let running = stats(&wire, "native", "auto");
    let program = wire.lab.ip_json(1, &["link", "show", Y])[0]["xdp"]["prog"]["id"].clone();
    let links: serde_json::Value = serde_json::from_str(&run("bpftool", &["-j", "link", "show"])).unwrap();
    let link = links.as_array().unwrap().iter().find(|link| link["prog_id"] == program);
    let id = link.unwrap_or_else(|| panic!("{links}"))["id"].to_string();
    run("bpftool", &["link", "detach", "id", &id]);
    let outcome = running.outcome();
    let report: serde_json::Value = serde_json::from_str(outcome.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(report["pairs"][0]["ended"], "the XDP program on vy was taken off by someone else");
}

#[test]
fn what_others_have_at_tc_works_on() {
    let wire = Wire::new();
    let ifindex = wire.lab.ifindex(1, Y);
    let shooter = bpf::load(Foreign::TcxIngress, "theirs", 2);
    let link = wire.lab.namespace(1).run(|| bpf::attach(&shooter, ifindex, Foreign::TcxIngress)).unwrap();
    let theirs = || wire.lab.namespace(1).run(|| bpf::tcx_programs(ifindex, Foreign::TcxIngress)).unwrap();
    let before = theirs();
    for mode in MODES {
        let running = stats(&wire, mode, "tcx");
        assert_eq!(theirs().last(), before.last());
        assert_eq!(theirs().len(), 2);
        assert_eq!(running.interrupt().code, Some(0));
        assert_eq!(theirs(), before);
    }
    drop(link);
}
