//! `--stages`: frames on their way.

use serde_json::Value;

use super::{frame, json, keys, latency};
use crate::support::wire::{Wire, X, Y_IP};

/// Every frame was seen at every place, later from place to place, and the mean waits add up to the mean delay.
#[track_caller]
fn assert_stages(stages: &Value, delay: &Value, waits: &Value, frames: u64) {
    assert_eq!(keys(stages), "to_device to_stack");
    let places = [&stages["to_device"], &stages["to_stack"], delay];
    for name in ["count", "mean_ns", "min_ns", "max_ns"] {
        let values = places.map(|place| place[name].as_u64().unwrap());
        if name == "count" {
            assert_eq!(values, [frames; 3]);
        } else {
            assert!(values.is_sorted(), "{name} {values:?}");
        }
    }
    let waits = ["qdisc", "ring", "hook"].map(|name| waits[name].as_u64().unwrap());
    assert_eq!(waits.iter().sum::<u64>(), delay["mean_ns"].as_u64().unwrap());
}

#[test]
fn every_frame_is_seen_at_every_place_with_probes_apart() {
    let wire = Wire::new();
    let measured = latency(&wire, &["--active", "--rate", "500", "-c", "300", "--stages", "-j"]).observing();
    wire.lab.send_frames(0, X, &frame(0x88b6), 1000);
    let report = json(&measured.outcome(), 0);
    let [out, back] = [0, 1].map(|at| &report["pairs"][0]["directions"][at]);
    let waits = |at: usize| &report["latency"]["directions"][at]["waits_ns"];
    assert_stages(&out["stages"], &out["delay"], &waits(0)["delay"], 1000);
    for (at, direction) in [out, back].into_iter().enumerate() {
        let probes = &direction["probes"];
        assert_stages(&probes["stages"], &probes["delay"], &waits(at)["probe_delay"], 300);
    }
    assert_eq!(back["stages"]["to_device"]["count"], 0);
    assert_eq!((&out["sent"]["frames"], &out["received"]["frames"]), (&1000.into(), &1000.into()));
}

/// Of a stream the kernel at times runs neither program for some milliseconds (docs/measurement.md): of several
/// measurements one is whole, and none tells of a frame that was not.
#[test]
fn a_queue_is_where_the_time_goes_and_segments_count_as_frames() {
    let wire = Wire::new();
    wire.lab.exec(
        0,
        &["tc", "qdisc", "add", "dev", X, "root", "tbf", "rate", "400mbit", "burst", "10kb", "limit", "10mb"],
    );
    let whole = (0..5).any(|_| {
        let measured = latency(&wire, &["--stages", "-j"]).observing();
        let to = format!("{Y_IP}:9").parse().unwrap();
        assert_eq!(wire.lab.send_stream([0, 1], to, 8 << 20), 8 << 20);
        let report = json(&measured.interrupt(), 0);
        let out = &report["pairs"][0]["directions"][0];
        let frames = out["received"]["frames"].as_u64().unwrap();
        assert!(frames > 5000 && out["sent"]["frames"] == frames, "{out}");
        let waits = &report["latency"]["directions"][0]["waits_ns"]["delay"];
        let seen = ["to_device", "to_stack"].map(|place| out["stages"][place]["count"].as_u64().unwrap());
        if seen != [frames; 2] {
            assert!(seen.iter().all(|&seen| seen <= frames && seen > frames / 2), "{out}");
            assert!(waits["hook"].is_null() || seen[1] == frames, "{waits}");
            return false;
        }
        assert_stages(&out["stages"], &out["delay"], waits, frames);
        let [queue, ring, hook] = ["qdisc", "ring", "hook"].map(|name| waits[name].as_u64().unwrap());
        assert!(queue > 100_000 && queue > 4 * (ring + hook), "{waits}");
        true
    });
    assert!(whole);
}

/// Of so many stamps the seals of some pass for ours: 16 bits tell them apart, for each CPU they may have left on.
#[test]
fn frames_that_another_observer_stamped_are_none_of_ours() {
    let [ours, theirs] = [Wire::new(), Wire::new()];
    let [measured, other] = [&ours, &theirs].map(|wire| latency(wire, &["--stages", "-j"]).observing());
    theirs.lab.send_frames(0, X, &frame(0x88b6), 100_000);
    let report = json(&measured.interrupt(), 0);
    for direction in 0..2 {
        let stages = &report["pairs"][0]["directions"][direction]["stages"];
        assert_eq!((&stages["to_device"]["count"], &stages["to_stack"]["count"]), (&0.into(), &0.into()));
    }
    let report = json(&other.interrupt(), 0);
    let out = &report["pairs"][0]["directions"][0];
    assert_eq!(
        (&out["received"]["frames"], &out["stages"]["to_stack"]["count"]),
        (&100_000.into(), &100_000.into())
    );
}

#[test]
fn without_the_flag_nothing_is_said_about_stages() {
    let wire = Wire::new();
    let report = json(&latency(&wire, &["--duration", "50ms", "-j"]).observing().outcome(), 0);
    let out = &report["pairs"][0]["directions"][0];
    assert!(out.get("stages").is_none() && out.get("probes").is_none(), "{out}");
    let said = latency(&wire, &["--duration", "50ms", "--stages"]).observing().outcome().stdout;
    assert!(said.contains("SINCE THE EGRESS HOOK") && said.contains("vx > vy, after the qdisc"), "{said}");
}
