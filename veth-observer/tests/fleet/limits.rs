//! Which pairs are observed, and how many.

use super::{Agent, make, quiet};

#[test]
fn pairs_over_the_limit_are_counted_and_move_up() {
    let lab = quiet(2);
    make(&lab, 0..4);
    let agent = Agent::start(&lab, &["--max-pairs", "2", "--exclude", "p3"]);
    let report = agent.observing(2);
    let state = |report: &super::Report| {
        [&report.0["agent"]["pairs"], &report.0["agent"]["pairs_over_limit"]]
            .map(|count| count.as_u64().unwrap())
    };
    assert_eq!(state(&report), [3, 1]);
    let of_one = ["p0", "p1"].into_iter().find(|ifname| report.pair(ifname).is_some()).unwrap();
    lab.ip(0, &["link", "del", of_one]);
    let report = agent.report("the next", |report| report.event("removed") == 1 && report.living() == 2);
    assert_eq!(state(&report), [2, 0]);
    assert!(report.pair("p3").is_none());
}
