//! Pairs made and deleted, again and again.

use std::{thread, time::Duration};

use super::{Agent, FRAME, make, quiet};
use crate::support::netns::{apart, eventually};

const ROUNDS: u64 = 8;
const PAIRS: u64 = 25;

#[test]
fn two_hundred_pairs_come_and_go_and_nothing_grows() {
    if !apart("fleet::churn::two_hundred_pairs_come_and_go_and_nothing_grows") {
        return;
    }
    let lab = quiet(2);
    make(&lab, 99..100);
    let agent = Agent::start(&lab, &[]);
    agent.observing(1);
    let mut early = None;
    for round in 1..=ROUNDS {
        make(&lab, 0..25);
        agent.report("all pairs", |report| report.event("added") == 1 + round * PAIRS);
        for n in [0, 24] {
            lab.send_frames(0, &format!("p{n}"), &FRAME, 100 * round + n);
        }
        // A place in the maps that others had before says nothing of them.
        agent.report("what this round sent", |report| {
            [0, 24].into_iter().all(|n| {
                let count = |what| report.count(&format!("p{n}"), what);
                let delays = report.from(&format!("p{n}")).map(|direction| &direction["delay"]["count"]);
                count("/sent/frames") == Some(100 * round + n)
                    && count("/received/frames") == Some(100 * round + n)
                    && delays.is_some_and(|delays| *delays == 100 * round + n)
            })
        });
        for n in 0..25 {
            lab.ip(0, &["link", "del", &format!("p{n}")]);
        }
        agent.report("their end", |report| report.event("removed") == round * PAIRS && report.living() == 1);
        match &early {
            None => early = Some((at_rest(&agent), agent.process().rss_kib())),
            Some((before, rss_kib)) => {
                let held = || (agent.process().holds(), agent.process().files());
                // A look around opens files, for a moment.
                eventually(&format!("no more than {before:?} in round {round}, not {:?}", held()), || {
                    held().0 == before.0 && held().1 <= before.1
                });
                let grown = agent.process().rss_kib().saturating_sub(*rss_kib);
                assert!(grown < 16 << 10, "{grown} KiB more in round {round}");
            }
        }
    }
}

/// Maps, programs, links and threads, and files, when nobody looks around.
fn at_rest(agent: &Agent) -> ([usize; 4], usize) {
    let look = || {
        thread::sleep(Duration::from_millis(50));
        (agent.process().files(), agent.process().holds())
    };
    let (files, holds) = (0..20).map(|_| look()).min().unwrap();
    (holds, files)
}
