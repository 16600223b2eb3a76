//! What the drivers of pairs count, while nothing moves.

use std::time::{Duration, Instant};

use super::{Agent, FRAME, make, quiet};
use crate::support::bpf::{Hook, attach, load};

const XDP_DROP: i32 = 1;

#[test]
fn what_xdp_dropped_is_told_soon() {
    let lab = quiet(2);
    make(&lab, 0..2);
    let agent = Agent::start(&lab, &["--loss-timeout", "1s"]);
    agent.observing(2);
    let ifindex = lab.ifindex(1, "q1");
    let program = load(Hook::XdpNative, "dropper", XDP_DROP);
    let _link = lab.namespace(1).run(|| attach(&program, ifindex, Hook::XdpNative)).unwrap();
    lab.send_frames(0, "p1", &FRAME, 40);
    let sent = Instant::now();
    let report = agent.report("its count", |report| {
        // The agent reads it every ten seconds.
        assert!(sent.elapsed() < Duration::from_secs(30), "{:#}", report.0);
        report.count("p1", "/driver/xdp_drops") == Some(40)
    });
    let direction = report.from("p1").unwrap();
    assert_eq!((&direction["sent"]["frames"], &direction["received"]["frames"]), (&40.into(), &0.into()));
    assert_eq!(report.count("p0", "/driver/xdp_drops"), Some(0));
}
