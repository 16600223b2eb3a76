//! An agent that is killed, and one that is told to end.

use std::{thread, time::Duration};

use super::{Agent, FRAME, make, quiet};
use crate::support::{
    bpf::{Hook, tcx_programs},
    netns::{Lab, eventually},
};

/// Those on the ends of three pairs.
pub(super) fn programs(lab: &Lab) -> usize {
    let on = |at: usize, ifname: &str| {
        let ifindex = lab.ifindex(at, ifname);
        let hooks = [Hook::TcxIngress, Hook::TcxEgress];
        lab.namespace(at)
            .run(|| hooks.into_iter().map(|hook| tcx_programs(ifindex, hook).len()).sum::<usize>())
            .unwrap()
    };
    (0..3).map(|n| on(0, &format!("p{n}")) + on(1, &format!("q{n}"))).sum()
}

#[test]
fn a_killed_agent_leaves_nothing_harms_no_traffic_and_its_successor_begins_at_zero() {
    let lab = &quiet(2);
    make(lab, 0..3);
    let agent = Agent::start(lab, &[]);
    agent.observing(3);
    assert_eq!(programs(lab), 12);
    let before = lab.device_counters(1, "q0").rx_packets;
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..50 {
                lab.send_frames(0, "p0", &FRAME, 40);
                thread::sleep(Duration::from_millis(5));
            }
        });
        thread::sleep(Duration::from_millis(100));
        agent.signal("-KILL");
    });
    assert_eq!(lab.device_counters(1, "q0").rx_packets - before, 2000);
    eventually("nothing is left", || programs(lab) == 0);
    drop(agent);
    let agent = Agent::start(lab, &[]);
    let report = agent.observing(3);
    assert_eq!(report.count("p0", "/sent/frames"), Some(0));
    lab.send_frames(0, "p0", &FRAME, 40);
    agent.report("what left since", |report| report.count("p0", "/received/frames") == Some(40));
    agent.signal("-TERM");
    eventually("nothing is left", || programs(lab) == 0);
}
