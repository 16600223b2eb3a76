//! Many pairs under traffic at once, each held to its own devices.

use std::thread;

use super::{Agent, FRAME, left, make, quiet};

#[test]
fn twenty_pairs_at_once_count_what_their_devices_count() {
    let lab = &quiet(2);
    make(lab, 0..20);
    let agent = Agent::start(lab, &[]);
    agent.observing(20);
    let ends: Vec<(usize, String)> =
        (0..20).flat_map(|n| [(0, format!("p{n}")), (1, format!("q{n}"))]).collect();
    let before: Vec<_> = ends.iter().map(|(at, ifname)| lab.device_counters(*at, ifname)).collect();
    thread::scope(|scope| {
        for (n, (at, ifname)) in ends.iter().enumerate() {
            scope.spawn(move || lab.send_frames(*at, ifname, &FRAME, 100 + 7 * n as u64));
        }
    });
    let sent: u64 = (0..40).map(|n| 100 + 7 * n).sum();
    let report = agent.report("all of it", |report| {
        let arrived = ends.iter().filter_map(|(_, ifname)| report.count(ifname, "/received/frames"));
        arrived.sum::<u64>() == sent
    });
    for (n, ((at, ifname), before)) in ends.iter().zip(&before).enumerate() {
        let direction = report.from(ifname).unwrap();
        let counted =
            (direction["sent"]["frames"].as_u64().unwrap(), direction["sent"]["bytes"].as_u64().unwrap());
        assert_eq!(counted, left(&lab.device_counters(*at, ifname), before), "{direction:#}");
        assert_eq!(counted.0, 100 + 7 * n as u64);
        assert_eq!(direction["sent"], direction["received"], "{direction:#}");
        assert_eq!(direction["delay"]["count"], direction["sent"]["frames"]);
        for nothing in ["in_flight", "lost", "unexplained", "unmatched", "reordered", "duplicated"] {
            assert_eq!(direction[nothing], 0, "{nothing}: {direction:#}");
        }
    }
}

#[test]
fn more_pairs_than_a_block_holds_make_a_second_one() {
    let lab = &quiet(2);
    make(lab, 0..66);
    let agent = Agent::start(lab, &[]);
    agent.observing(66);
    let [_, programs, links, _] = agent.process().holds();
    assert_eq!((programs, links), (0, 4 * 66 + 2), "four programs a pair, and one a block that sees deaths");
    for n in 0..66 {
        lab.send_frames(0, &format!("p{n}"), &FRAME, 10 + n);
    }
    let report = agent.report("the last", |report| report.count("p65", "/received/frames") == Some(75));
    for n in 0..66 {
        let frames = report.count(&format!("p{n}"), "/sent/frames");
        assert_eq!(
            (frames, report.count(&format!("q{n}"), "/sent/frames")),
            (Some(10 + n), Some(0)),
            "pair {n}"
        );
    }
}
