//! A container that renames its interface each second, under traffic.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use super::{Agent, FRAME, make, quiet};
use crate::support::netns::eventually;

const RENAMES: usize = 5;
const BURST: u64 = 20;

#[test]
fn an_interface_that_is_renamed_each_second_loses_no_count() {
    let lab = &quiet(2);
    make(lab, 0..1);
    let agent = Agent::start(lab, &[]);
    agent.observing(1);
    // Held while frames are under way, and while the interface is down, in which they would be lost.
    let (quiet, done) = (&Mutex::new(0), &AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let mut sent = quiet.lock().unwrap();
                lab.send_frames(0, "p0", &FRAME, BURST);
                *sent += BURST;
                let have_arrived = || {
                    // By name it cannot be asked for.
                    let links = lab.ip_json(1, &["-s", "link", "show", "type", "veth"]);
                    links[0]["stats64"]["rx"]["packets"].as_u64() >= Some(*sent)
                };
                eventually("the burst has arrived", have_arrived);
                drop(sent);
                thread::sleep(Duration::from_millis(1));
            }
        });
        let mut name = "q0".to_owned();
        for n in 1..=RENAMES {
            let fresh = format!("renamed{n}");
            {
                let _held = quiet.lock().unwrap();
                lab.ip(1, &["link", "set", &name, "down"]);
                lab.ip(1, &["link", "set", &name, "name", &fresh]);
                lab.ip(1, &["link", "set", &fresh, "up"]);
            }
            agent.report("its new name", |report| report.pair(&fresh).is_some());
            name = fresh;
            thread::sleep(Duration::from_secs(1));
        }
        done.store(true, Ordering::Relaxed);
    });
    let sent = *quiet.lock().unwrap();
    assert!(sent > BURST * 10, "{sent}");
    let report = agent.report("all frames", |report| report.count("p0", "/received/frames") == Some(sent));
    let direction = report.from("p0").unwrap();
    assert_eq!(direction["sent"]["frames"], sent, "{direction:#}");
    for nothing in ["in_flight", "lost", "unexplained", "unmatched"] {
        assert_eq!(direction[nothing], 0, "{nothing}: {direction:#}");
    }
    let events = ["added", "removed", "moved"].map(|event| report.event(event));
    assert_eq!(events, [1, 0, 0]);
    assert!(report.event("renamed") >= RENAMES as u64);
}
