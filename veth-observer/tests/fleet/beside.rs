//! An agent and another observer on one pair.

use super::{Agent, FRAME, make, quiet};
use crate::support::command::Run;

#[test]
fn stats_beside_an_agent_count_the_same() {
    let lab = quiet(2);
    make(&lab, 0..2);
    let agent = Agent::start(&lab, &[]);
    agent.observing(2);
    let selector = format!("netns:{}/p0", lab.name(0));
    let stats = Run::here(&["stats", "-j", &selector, "-v"]).observing_among_log_lines();
    lab.send_frames(0, "p0", &FRAME, 500);
    lab.send_frames(1, "q0", &FRAME, 300);
    let report = agent.report("all frames", |report| {
        report.count("p0", "/received/frames") == Some(500)
            && report.count("q0", "/received/frames") == Some(300)
    });
    let by_stats = stats.interrupt().json();
    for (direction, ifname) in ["p0", "q0"].into_iter().enumerate() {
        let counted = report.from(ifname).unwrap();
        let other = &by_stats["pairs"][0]["directions"][direction];
        assert_eq!((&counted["sent"], &counted["received"]), (&other["sent"], &other["received"]));
        assert_eq!((counted["unmatched"].as_u64(), other["unmatched"].as_u64()), (Some(0), Some(0)));
    }
}
