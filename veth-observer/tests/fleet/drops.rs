//! Frames that die, charged to the pair that they died on.

use super::{Agent, FRAME, Report, dropped, make, quiet};
use crate::support::{
    bpf::{self, Hook},
    command::Run,
};

#[test]
fn drops_are_charged_to_the_right_pair_of_several() {
    let lab = quiet(2);
    make(&lab, 0..4);
    let shaper = ["tbf", "rate", "1mbit", "burst", "2kb", "limit", "4kb"];
    lab.exec(0, &[&["tc", "qdisc", "add", "dev", "p2", "root"][..], &shaper].concat());
    let agent = Agent::start(&lab, &["--loss-timeout", "1s"]);
    agent.observing(4);
    let before = lab.qdisc_drops(0, "p2", "tbf");
    for n in 0..4 {
        let refused = lab.offer_frames(0, &format!("p{n}"), &FRAME, 300);
        assert_eq!(refused > 0, n == 2, "only the shaper drops");
    }
    let report = agent.report("an end of all frames", |report| {
        (0..4).all(|n| {
            let count = |what| report.count(&format!("p{n}"), what);
            count("/sent/frames") == Some(300) && count("/in_flight") == Some(0)
        })
    });
    for n in 0..4 {
        let direction = report.from(&format!("p{n}")).unwrap();
        let of_the_shaper = if n == 2 { lab.qdisc_drops(0, "p2", "tbf") - before } else { 0 };
        assert_eq!(dropped(direction), of_the_shaper, "p{n}: {direction:#}");
        assert_eq!(direction["received"]["frames"], 300 - of_the_shaper, "p{n}: {direction:#}");
        assert_eq!((&direction["lost"], &direction["unexplained"]), (&0.into(), &0.into()), "{direction:#}");
    }

    // Wherever its ends are.
    lab.ip(1, &["link", "set", "q2", "name", "q7", "netns", lab.name(0)]);
    lab.ip(0, &["link", "set", "q7", "up"]);
    agent.report("the move", |report| report.event("moved") == 1);
    let before = lab.qdisc_drops(0, "p2", "tbf");
    lab.offer_frames(0, "p2", &FRAME, 300);
    let report = agent.report("an end of those too", |report| {
        let count = |what| report.count("p2", what);
        count("/sent/frames") == Some(600) && count("/in_flight") == Some(0)
    });
    let direction = report.from("p2").unwrap();
    let more = lab.qdisc_drops(0, "p2", "tbf") - before;
    assert!(more > 0);
    assert_eq!(direction["lost"], 0, "{direction:#}");
    assert_eq!(direction["received"]["frames"].as_u64().unwrap() + dropped(direction), 600, "{direction:#}");
}

/// Frames that nobody sees die are in flight first, and lost after the timeout.
pub(crate) fn loses_in_time(run: impl FnOnce(&[&str]) -> Run) {
    let lab = quiet(2);
    make(&lab, 0..1);
    // XDP_TX, back to an end that has no ring to take it: no tracepoint shows that.
    let thrower = bpf::load(Hook::Xdp, "thrower", 3);
    let ifindex = lab.ifindex(1, "q0");
    let link = lab.namespace(1).run(|| bpf::attach(&thrower, ifindex, Hook::Xdp)).unwrap();
    let agent = Agent::run(&lab, &["--loss-timeout", "1s"], run);
    agent.observing(1);
    lab.send_frames(0, "p0", &FRAME, 7);
    let fates =
        |report: &Report| ["/sent/frames", "/in_flight", "/lost"].map(|what| report.count("p0", what));
    let report = agent.report("what was sent", |report| fates(report)[0] == Some(7));
    assert_eq!(fates(&report), [Some(7), Some(7), Some(0)]);
    let report = agent.report("their loss", |report| fates(report)[2] == Some(7));
    assert_eq!(fates(&report), [Some(7), Some(0), Some(7)]);
    drop(link);
}

#[test]
fn frames_that_vanish_are_lost_after_the_timeout() {
    loses_in_time(Run::here);
}
