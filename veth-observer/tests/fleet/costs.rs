//! What the programs cost, beside what bpftool shows of each.

use std::{collections::BTreeMap, fs};

use serde_json::{Value, json};
use veth_observer::collect::clock;

use super::{Agent, FRAME, Report, make, quiet};
use crate::support::{bpf::count_runs, command::Run, netns::run};

/// Shows the agent a kernel that counts, which it does for as long as the test asks it to: nobody else sees the switch.
const SWITCHED_ON: &str =
    "echo 1 >\"$1\"; mount --bind \"$1\" /proc/sys/kernel/bpf_stats_enabled; shift; exec \"$0\" \"$@\"";

/// Runs and nanoseconds by kind, of the programs that a process holds or its links do.
fn by_bpftool(pid: u32) -> BTreeMap<&'static str, [u64; 2]> {
    let mut sums = BTreeMap::from([("departure", [0; 2]), ("arrival", [0; 2]), ("death", [0; 2])]);
    let texts = fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap().filter_map(|entry| {
        // A descriptor may be gone by now.
        fs::read_to_string(entry.unwrap().path()).ok()
    });
    let ids: Vec<String> = texts
        .filter_map(|text| {
            Some(text.lines().find_map(|line| line.strip_prefix("prog_id:"))?.trim().to_owned())
        })
        .collect();
    for id in ids {
        let shown: Value = serde_json::from_str(&run("bpftool", &["-j", "prog", "show", "id", &id])).unwrap();
        let kind = match shown["name"].as_str().unwrap() {
            "vo_drop" => "death",
            name if name.ends_with("egress") => "departure",
            _ => "arrival",
        };
        let sum = sums.get_mut(kind).unwrap();
        sum[0] += shown["run_cnt"].as_u64().unwrap_or(0);
        sum[1] += shown["run_time_ns"].as_u64().unwrap_or(0);
    }
    sums
}

fn told(report: &Report, kind: &str) -> [u64; 2] {
    let programs = report.0["agent"]["programs"].as_array().unwrap();
    let cost = programs.iter().find(|cost| cost["program"] == kind).unwrap();
    ["runs", "run_time_ns"].map(|what| cost[what].as_u64().unwrap())
}

#[test]
fn programs_cost_what_bpftool_shows_and_what_is_gone_stays_counted() {
    let lab = quiet(2);
    make(&lab, 0..2);
    let _counting = count_runs();
    let switch = std::env::temp_dir().join(format!("veth-observer-switch-{}", lab.name(0)));
    let path = switch.to_str().unwrap();
    let agent = Agent::run(&lab, &[], |args| Run::mounting(SWITCHED_ON, &[&[path][..], args].concat()));
    agent.observing(2);
    lab.send_frames(0, "p0", &FRAME, 400);
    lab.send_frames(1, "q1", &FRAME, 200);
    let report = agent.report("all frames", |report| {
        report.count("p0", "/received/frames") == Some(400)
            && report.count("q1", "/received/frames") == Some(200)
    });
    let mut before = by_bpftool(agent.pid());
    for kind in ["departure", "arrival"] {
        assert_eq!(told(&report, kind), before[kind], "{kind}");
        assert_eq!(before[kind][0], 600, "one run for each buffer");
        assert!(before[kind][1] > 600, "a run takes longer than a nanosecond");
    }
    // Everything that dies on the machine runs it.
    before = by_bpftool(agent.pid());
    let now = clock::monotonic_ns();
    let later = |report: &Report| report.0["agent"]["taken_ns"].as_u64().unwrap() > now;
    let between = told(&agent.report("a later one", later), "death");
    let after = by_bpftool(agent.pid());
    for at in 0..2 {
        assert!((before["death"][at]..=after["death"][at]).contains(&between[at]), "{before:?} {after:?}");
    }

    lab.ip(0, &["link", "del", "p0"]);
    let report = agent.report("its end", |report| report.living() == 1);
    assert_eq!(told(&report, "departure")[0], 600);
    lab.send_frames(0, "p1", &FRAME, 50);
    agent.report("gone and living", |report| told(report, "departure")[0] == 650);
    fs::remove_file(switch).unwrap();
}

#[test]
fn nothing_is_told_while_the_kernel_does_not_count() {
    if fs::read_to_string("/proc/sys/kernel/bpf_stats_enabled").unwrap().trim() != "0" {
        return eprintln!("skipped: somebody lets the kernel count");
    }
    let lab = quiet(2);
    make(&lab, 0..1);
    let report = Agent::start(&lab, &[]).observing(1);
    assert_eq!(report.0["agent"]["programs"], json!([]));
    assert_eq!(fs::read_to_string("/proc/sys/kernel/bpf_stats_enabled").unwrap().trim(), "0");
}
