//! A pair that is left while frames of it are on their way.

use super::{Agent, Folder, base, of, reason};
use crate::fleet::{FRAME, make, quiet};

#[test]
fn frames_that_are_on_their_way_when_a_pair_is_left_are_not_lost() {
    let lab = quiet(2);
    make(&lab, 0..2);
    // 800 bits a frame: sixty take four seconds.
    let shaper = ["tbf", "rate", "12kbit", "burst", "200", "limit", "20000"];
    lab.exec(0, &[&["tc", "qdisc", "add", "dev", "p0", "root"][..], &shaper].concat());
    let folder = Folder::new();
    let text = format!("loss_timeout = '50s'\n{}", base(&folder, &[of(&lab, "p0")]));
    let agent = Agent::start(&folder, &text);
    agent.observing(1);
    lab.send_frames(0, "p0", &FRAME, 60);
    agent.reload(&text.replace("p0", "p1"));
    // The other one is observed, and this one is still among the pairs.
    agent.report("frames on their way", |report| {
        report.pair("p1").is_some() && report.count("p0", "/in_flight").is_some_and(|frames| frames > 0)
    });
    // What leaves now is not ours any more.
    lab.send_frames(0, "p0", &FRAME, 5);
    let report = agent.report("its leave", |report| reason(report, "p0").is_some());
    let left = report.pairs().iter().find(|pair| !pair["ended"].is_null()).unwrap();
    let way = &left["directions"][0];
    let frames = ["/sent/frames", "/received/frames", "/lost", "/in_flight", "/unmatched"]
        .map(|count| way.pointer(count).unwrap().as_u64().unwrap());
    assert_eq!(frames, [60, 60, 0, 0, 0], "{way:#}");
}
