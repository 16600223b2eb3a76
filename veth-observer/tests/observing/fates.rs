//! `watch --side`, `--matched` and `--lost`: what became of frames, a known number of each.

use serde_json::Value;

use super::{frame, json_lines};
use crate::support::{
    bpf::{self, Hook},
    command::Run,
    netns::eventually,
    wire::{Wire, X, Y},
};

/// The frames and the summary that a run of `watch -j` printed.
fn frames(outcome: &crate::support::command::Outcome) -> (Vec<Value>, Value) {
    let mut lines = json_lines(outcome);
    let summary = lines.pop().unwrap()["summary"].clone();
    (lines, summary)
}

fn count(frames: &[Value], key: &str, value: &str) -> usize {
    frames.iter().filter(|frame| frame[key] == value).count()
}

/// All of them died where they were sent, and there is nothing else to say of them.
#[track_caller]
fn assert_dropped(frames: &[Value], number: u64, stage: &str, reason: &str, functions: &[&str]) {
    assert_eq!(frames.len() as u64, number, "{frames:#?}");
    for frame in frames {
        let function = frame["location"].as_str().unwrap().split(' ').next().unwrap();
        assert!(functions.contains(&function), "{frame}");
        assert!(frame["reason"].as_str().unwrap().starts_with(reason), "{frame}");
        assert_eq!((&frame["fate"], &frame["stage"]), (&"dropped".into(), &stage.into()), "{frame}");
        assert_eq!((&frame["point"], &frame["end"]), (&"sent".into(), &X.into()), "{frame}");
        assert_eq!((&frame["delay_ns"], &frame["len"]), (&Value::Null, &60.into()), "{frame}");
    }
}

#[test]
fn of_arrivals_those_that_were_seen_sent() {
    let wire = Wire::new();
    let all = Run::here(&["watch", &wire.selector(), "-j"]).observing();
    let matched = Run::here(&["watch", &wire.selector(), "-j", "--matched"]).observing();
    wire.lab.send_frames(0, X, &frame(), 30);
    assert_eq!(wire.lab.offer_frames_past_the_queue(0, X, &frame(), 20), 0);
    let (all, _) = frames(&all.interrupt());
    assert_eq!((all.len(), count(&all, "fate", "delivered"), count(&all, "fate", "unmatched")), (50, 30, 20));
    assert!(all.iter().all(|frame| frame["delay_ns"].is_null() == (frame["fate"] == "unmatched")));
    assert_eq!((count(&all, "point", "received"), count(&all, "end", Y)), (50, 50));
    let (matched, summary) = frames(&matched.interrupt());
    assert_eq!((matched.len(), count(&matched, "fate", "delivered")), (30, 30));
    assert_eq!((&summary["printed"], &summary["sampled"]), (&30.into(), &50.into()), "{summary}");
}

#[test]
fn each_end_tells_what_it_sent_and_what_it_received() {
    let wire = Wire::new();
    for (side, seen) in
        [("a", [(X, "sent", 20), (X, "received", 7)]), ("b", [(Y, "sent", 7), (Y, "received", 20)])]
    {
        let watch = Run::here(&["watch", &wire.selector(), "-j", "--side", side]).observing();
        wire.lab.send_frames(0, X, &frame(), 20);
        wire.lab.send_frames(1, Y, &frame(), 7);
        let (frames, _) = frames(&watch.interrupt());
        assert_eq!((frames.len(), count(&frames, "fate", "delivered")), (27, 27), "{side}");
        for (end, point, number) in seen {
            assert_eq!((count(&frames, "end", end), count(&frames, "point", point)), (27, number), "{side}");
        }
    }
    let watch = Run::here(&["watch", &wire.selector(), "--side", "both"]).observing();
    wire.lab.send_frames(0, X, &frame(), 10);
    let outcome = watch.interrupt();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    for word in ["  sent      vx>vy  ", "  received  vx>vy  "] {
        assert_eq!(outcome.stdout.lines().filter(|line| line.contains(word)).count(), 10, "{outcome:?}");
    }
    assert!(outcome.stdout.lines().all(|line| line.contains("  60  delay ")), "{outcome:?}");
}

#[test]
fn a_departure_and_its_arrival_have_the_same_delay() {
    let wire = Wire::new();
    let watch = Run::here(&["watch", &wire.selector(), "-j", "--side", "both"]).observing();
    wire.lab.send_frames(0, X, &frame(), 1);
    let (frames, _) = frames(&watch.interrupt());
    let [sent, received] = frames.as_slice() else { panic!("{frames:#?}") };
    assert_eq!((&sent["point"], &received["point"]), (&"sent".into(), &"received".into()));
    assert_eq!(sent["delay_ns"], received["delay_ns"]);
    let took = received["ts_ns"].as_u64().unwrap() - sent["ts_ns"].as_u64().unwrap();
    // The wall clock may have been adjusted a little between the two.
    assert!(took.abs_diff(received["delay_ns"].as_u64().unwrap()) < 1_000, "{frames:#?}");
}

#[test]
fn frames_that_a_token_bucket_dropped_and_no_others() {
    let wire = Wire::new();
    wire.lab.exec(
        0,
        &["tc", "qdisc", "add", "dev", X, "root", "tbf", "rate", "1mbit", "burst", "2kb", "limit", "3kb"],
    );
    let watch = Run::here(&["watch", &wire.selector(), "-j", "--lost"]).observing();
    let before = wire.lab.qdisc_drops(0, X, "tbf");
    let refused = wire.lab.offer_frames(0, X, &frame(), 500);
    assert!(refused > 0 && refused < 500, "{refused}");
    assert_eq!(refused, wire.lab.qdisc_drops(0, X, "tbf") - before);
    let (frames, summary) = frames(&watch.interrupt());
    assert_dropped(&frames, refused, "qdisc", "QDISC_", &["__dev_queue_xmit", "kfree_skb_list_reason"]);
    assert_eq!(summary["lost"], 0, "{summary}");
}

#[test]
fn frames_to_a_peer_that_is_down_are_all_told_and_it_ends_by_itself() {
    let wire = Wire::new();
    wire.lab.ip(1, &["link", "set", Y, "down"]);
    eventually("the end has lost its carrier", || {
        wire.lab.ip_json(0, &["link", "show", X])[0]["operstate"] == "DOWN"
    });
    let watch =
        Run::here(&["watch", &wire.selector(), "-j", "--lost", "-c", "100", "--duration", "20s"]).observing();
    let text =
        Run::here(&["watch", &wire.selector(), "--lost", "-c", "100", "--duration", "20s"]).observing();
    wire.lab.send_frames(0, X, &frame(), 100);
    let (frames, _) = frames(&watch.outcome());
    assert_dropped(&frames, 100, "qdisc", "QDISC_", &["__dev_queue_xmit", "kfree_skb_list_reason"]);
    let text = text.outcome();
    assert_eq!(text.stdout.lines().count(), 100, "{text:?}");
    assert!(text.stdout.lines().all(|line| line.contains("  60  dropped qdisc QDISC_")), "{text:?}");
}

#[test]
fn frames_that_vanish_unseen_are_lost_once_the_timeout_is_over() {
    let wire = Wire::new();
    let ifindex = wire.lab.ifindex(1, Y);
    // XDP_TX to an end that has no ring: the driver frees the frames, and no tracepoint tells.
    let thrower = bpf::load(Hook::XdpNative, "thrower", 3);
    let link = wire.lab.namespace(1).run(|| bpf::attach(&thrower, ifindex, Hook::XdpNative)).unwrap();
    let arguments = [
        "watch",
        &wire.selector(),
        "-j",
        "--lost",
        "--loss-timeout",
        "200ms",
        "-c",
        "7",
        "--duration",
        "20s",
    ];
    let watch = Run::here(&arguments).observing();
    wire.lab.send_frames(0, X, &frame(), 7);
    let (frames, _) = frames(&watch.outcome());
    assert_eq!((frames.len(), count(&frames, "fate", "lost"), count(&frames, "end", X)), (7, 7, 7));
    assert!(frames.iter().all(|frame| frame["stage"].is_null() && frame["delay_ns"].is_null()));
    drop(link);
}

#[test]
fn asked_to_stop_it_still_waits_for_what_is_in_flight() {
    let wire = Wire::new();
    // Each frame takes some 5 ms.
    wire.lab.exec(
        0,
        &["tc", "qdisc", "add", "dev", X, "root", "tbf", "rate", "100kbit", "burst", "100", "limit", "90kb"],
    );
    let watch =
        Run::here(&["watch", &wire.selector(), "-j", "--side", "a", "--loss-timeout", "10s"]).observing();
    wire.lab.send_frames(0, X, &frame(), 100);
    let (frames, _) = frames(&watch.interrupt());
    assert_eq!((frames.len(), count(&frames, "fate", "delivered")), (100, 100), "{frames:#?}");
}
