//! Nothing is sent: the traffic that passes is timed and verdicts.

use std::time::Instant;

use super::{frame, json, keys, latency};
use crate::support::{
    bpf::{self, Hook},
    command::Run,
    wire::{Wire, X, Y},
};

#[test]
fn it_counts_what_stats_counts_on_the_same_traffic() {
    let wire = Wire::new();
    let stats = Run::here(&["stats", &wire.selector(), "-j"]).observing();
    let measured = latency(&wire, &["-j", "--label", "both at once", "--percentiles", "50,99.9"]).observing();
    wire.lab.send_frames(0, X, &frame(0x88b5), 1000);
    wire.lab.send_frames(1, Y, &frame(0x88b6), 300);
    let (measured, stats) = (json(&measured.interrupt(), 0), json(&stats.interrupt(), 0));
    for (at, frames) in [(0, 1000), (1, 300)] {
        let of = |report: &serde_json::Value| report["pairs"][0]["directions"][at].clone();
        let (ours, theirs) = (of(&measured), of(&stats));
        assert_eq!(keys(&ours), keys(&theirs));
        for name in ["sent", "received", "dropped", "lost", "unmatched", "reordered", "duplicated"] {
            assert_eq!(ours[name], theirs[name], "{name}");
        }
        assert_eq!((&ours["received"]["frames"], &ours["delay"]["count"]), (&frames.into(), &frames.into()));
        let times = &measured["latency"]["directions"][at];
        assert_eq!(keys(times), "from percentiles_ns to");
        assert_eq!(times["percentiles_ns"]["delay"]["p50"], ours["delay"]["p50_ns"]);
        assert_eq!(times["percentiles_ns"]["delay"]["p99.9"], ours["delay"]["p999_ns"]);
        assert_eq!(times["percentiles_ns"]["variation"]["p50"], ours["variation"]["p50_ns"]);
    }
    let beside = &measured["latency"];
    assert_eq!(keys(beside), "active command directions label thresholds verdict");
    assert_eq!((&beside["label"], &beside["active"]), (&"both at once".into(), &false.into()));
    assert!(beside["verdict"].is_null() && beside["command"].is_null());
}

#[test]
fn for_people_there_is_a_row_per_quantity_and_a_column_per_statistic() {
    let wire = Wire::new();
    let measured = latency(&wire, &["--percentiles", "25,99.99", "--label", "a \u{1b} name"]).observing();
    wire.lab.send_frames(0, X, &frame(0x88b5), 123);
    let said = measured.interrupt().stdout;
    assert!(said.starts_with("a \\u{1b} name\n"), "{said}");
    let header = said.lines().find(|line| line.contains("COUNT")).unwrap();
    let columns: Vec<&str> = header.split_whitespace().collect();
    assert_eq!(columns, ["COUNT", "MIN", "MEAN", "P25", "P99.99", "MAX"]);
    assert!(said.lines().any(|line| line.starts_with("delay vx > vy") && line.contains(" 123 ")), "{said}");
    assert!(said.lines().any(|line| line.starts_with("variation vx > vy")), "{said}");
    assert!(
        said.contains(
            "vx > vy: 123 sent, 123 received, 0 dropped (0%), 0 lost (0%), 0 duplicated, 0 reordered\n"
        ),
        "{said}"
    );
    assert!(said.contains("vy > vx: no frames passed\n"), "{said}");
    assert!(said.contains("one clock (same host), no synchronisation error\n"), "{said}");
}

#[test]
fn it_ends_when_enough_frames_were_received() {
    let wire = Wire::new();
    let measured = latency(&wire, &["-c", "500", "-j"]).observing();
    wire.lab.send_frames(0, X, &frame(0x88b5), 500);
    let report = json(&measured.outcome(), 0);
    assert_eq!(report["pairs"][0]["directions"][0]["received"]["frames"], 500);
}

#[test]
fn a_histogram_holds_every_frame() {
    let wire = Wire::new();
    let measured = latency(&wire, &["--histogram", "-j"]).observing();
    wire.lab.send_frames(0, X, &frame(0x88b5), 2000);
    let report = json(&measured.interrupt(), 0);
    let histogram = &report["latency"]["directions"][0]["histogram"];
    assert_eq!(keys(histogram), "delay variation");
    for (quantity, total) in [("delay", 2000), ("variation", 0)] {
        let bins = histogram[quantity].as_array().unwrap();
        let sum: u64 = bins.iter().map(|bin| bin["count"].as_u64().unwrap()).sum();
        let counted = report["pairs"][0]["directions"][0][quantity]["count"].as_u64().unwrap();
        assert!(sum == counted && sum >= total, "{quantity}");
        assert!(bins.windows(2).all(|pair| pair[0]["upto_ns"] == pair[1]["above_ns"]));
    }

    let measured = latency(&wire, &["--histogram"]).observing();
    wire.lab.send_frames(0, X, &frame(0x88b5), 2000);
    let said = measured.interrupt().stdout;
    let rows = said.lines().skip_while(|line| !line.ends_with("SHARE")).skip(1);
    let counts =
        rows.map_while(|row| row.split_once('%')?.0.split_whitespace().rev().nth(1)?.parse::<u64>().ok());
    assert_eq!(counts.sum::<u64>(), 2000, "{said}");
}

#[test]
fn thresholds_that_hold_pass_and_those_that_do_not_are_named_with_what_was_measured() {
    let wire = Wire::new();
    let run = |limits: &[&str]| {
        let measured = latency(&wire, &[limits, &["-j"]].concat()).observing();
        wire.lab.send_frames(0, X, &frame(0x88b5), 100);
        measured.interrupt()
    };
    let generous =
        ["--max-delay", "p99=10s", "--max-delay", "max=10s", "--max-loss", "0%", "--max-reordered", "0"];
    let report = json(&run(&generous), 0);
    assert_eq!(report["latency"]["verdict"], "pass");
    // Nothing was sent the other way, and so nothing is held against it there.
    let verdicts = report["latency"]["thresholds"].as_array().unwrap();
    assert_eq!(verdicts.len(), 4);
    for judgement in verdicts {
        assert_eq!(keys(judgement), "doubt from limit measured met quantity to unit");
        assert_eq!((&judgement["from"], &judgement["met"]), (&X.into(), &true.into()));
    }

    let outcome = run(&["--max-delay", "min=1ns", "--max-delay", "p50=2ns", "--max-loss", "1"]);
    let report = json(&outcome, 5);
    assert_eq!(report["latency"]["verdict"], "fail");
    let [min, median, loss] = [0, 1, 2].map(|at| &report["latency"]["thresholds"][at]);
    assert_eq!((&min["met"], &median["met"], &loss["met"]), (&false.into(), &false.into(), &true.into()));
    assert_eq!(min["measured"], report["pairs"][0]["directions"][0]["delay"]["min_ns"]);
    assert!(outcome.stderr.contains("threshold not met: delay min of vx > vy is "), "{outcome:?}");
    assert!(outcome.stderr.contains("; delay p50 of vx > vy is "), "{outcome:?}");
    assert!(!outcome.stderr.contains("loss"), "{outcome:?}");
}

#[test]
fn frames_that_do_not_arrive_fail_a_threshold_of_loss_and_of_delay() {
    let wire = Wire::new();
    let eater = bpf::load(Hook::Xdp, "eater", 1);
    let link = wire.lab.namespace(1).run(|| bpf::attach(&eater, wire.lab.ifindex(1, Y), Hook::Xdp)).unwrap();
    let limits = ["--max-loss", "50%", "--max-delay", "p99=10s", "--loss-timeout", "200ms", "-j"];
    let measured = latency(&wire, &limits).observing();
    wire.lab.send_frames(0, X, &frame(0x88b5), 40);
    let outcome = measured.interrupt();
    let report = json(&outcome, 5);
    let [delay, loss] = [0, 1].map(|at| &report["latency"]["thresholds"][at]);
    assert!(delay["measured"].is_null() && delay["met"] == false, "{report}");
    assert_eq!((&loss["measured"], &loss["met"]), (&1.into(), &false.into()));
    assert!(outcome.stderr.contains("loss of vx > vy is 100.000%, the limit 50.000%"), "{outcome:?}");
    drop(link);
}

#[test]
fn nothing_measured_meets_no_threshold_but_is_no_failure_by_itself() {
    let wire = Wire::new();
    let outcome = latency(&wire, &["--duration", "50ms", "--max-loss", "1%"]).observing().outcome();
    assert_eq!(outcome.code, Some(5), "{outcome:?}");
    assert!(outcome.stderr.contains("loss: nothing was measured, since no frame was sent"), "{outcome:?}");
    assert!(outcome.stdout.ends_with("FAIL\n"), "{outcome:?}");
    let outcome = latency(&wire, &["--duration", "50ms"]).observing().outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains("vx > vy: no frames passed"), "{outcome:?}");
}

#[test]
fn a_pair_that_goes_away_ends_it_with_what_was_measured() {
    let wire = Wire::new();
    let measured = latency(&wire, &[]).observing();
    wire.lab.send_frames(0, X, &frame(0x88b5), 10);
    let started = Instant::now();
    wire.lab.ip(0, &["link", "delete", X]);
    let outcome = measured.outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(
        outcome.stdout.contains("ended early: ") && outcome.stdout.contains("10 received"),
        "{outcome:?}"
    );
    assert!(started.elapsed().as_secs() < 10);
}

#[test]
fn flags_that_cannot_be() {
    let wire = Wire::new();
    for arguments in [
        &["--max-delay", "99=1ms"][..],
        &["--max-delay", "p99"],
        &["--max-delay", "p101=1ms"],
        &["--max-loss", "lots"],
        &["--max-loss", "101%"],
        &["--max-reordered", "-1"],
        &["--percentiles", "0"],
        &["--percentiles", "50,,99"],
        &["-c", "0"],
        &["--rate", "5"],
        &["--active", "--rate", "0"],
        &["--active", "--rate", "100001"],
        &["--active", "--size", "59"],
        &["--active", "--size", "1515"],
    ] {
        let outcome = latency(&wire, arguments).outcome();
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{arguments:?} {outcome:?}");
        assert!(!outcome.stderr.is_empty() && !outcome.stderr.contains("panicked"), "{outcome:?}");
    }
    let outcome = Run::nobody(wire.lab.name(0), &["latency", X, "--active"]).outcome();
    assert_eq!(outcome.code, Some(3), "{outcome:?}");
}
