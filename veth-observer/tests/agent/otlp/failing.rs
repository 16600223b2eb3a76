//! Receivers that are not there, slow, or say no.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use veth_observer::{agent::otlp::Pushing, model::snapshot::PushState};

use super::{
    super::{client::curled, fake},
    now, pushing,
    receiver::{Receiver, refused, taken},
    serving,
};
use crate::support::netns::eventually;

/// Each export then is of a snapshot of its own.
const OFTEN: Duration = Duration::from_millis(150);

fn settled(pushing: &Pushing, what: &str, is_it: impl Fn(PushState) -> bool) -> PushState {
    eventually(what, || is_it(pushing.state()));
    pushing.state()
}

#[test]
fn a_receiver_that_is_dead_holds_nothing_up_and_is_found_when_it_is_back() {
    // Nobody else gets the port: it was never listened on.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let (agent, source) = serving(fake::one);
    let pushing = pushing(source, &format!("http://{address}"), OFTEN);
    let state = settled(&pushing, "it failed", |state| state.failed > 0);
    assert_eq!((state.delivered, state.rejected_points), (0, 0));
    let asked = Instant::now();
    assert!(curled(&[&agent.url("/metrics")]).body.contains("veth_frames_sent_total"));
    assert!(asked.elapsed() < Duration::from_secs(5));
    let receiver = Receiver::with(TcpListener::bind(address).unwrap(), None, |_| taken(0));
    let came = receiver.first(1).remove(0);
    let state = settled(&pushing, "it is delivered", |state| state.delivered > 0);
    assert!(state.failed > 0);
    // What waited meanwhile is gone: the first that comes is of now.
    assert!(super::unix_ns() - came.time() < 5_000_000_000);
}

#[test]
fn what_is_refused_for_a_while_comes_again_as_it_was() {
    let receiver = Receiver::answering(|before| match before {
        0 => refused("429 Too Many Requests", "Retry-After: 0\r\n"),
        1 => refused("502 Bad Gateway", "Retry-After: 0\r\n"),
        2 => refused("504 Gateway Timeout", "Retry-After: 0\r\n"),
        _ => taken(0),
    });
    let (_agent, source) = serving(fake::one);
    let pushing = pushing(source, &receiver.url(), Duration::from_secs(2));
    let exports = receiver.first(4);
    let state = settled(&pushing, "it is delivered", |state| state.delivered == 1);
    assert_eq!(state, PushState { delivered: 1, failed: 0, rejected_points: 0 });
    assert!(exports.iter().all(|export| export.request == exports[0].request));
}

#[test]
fn a_receiver_is_left_alone_for_as_long_as_it_says_and_then_gets_the_newest() {
    let receiver = Receiver::answering(|before| match before {
        0 => refused("503 Service Unavailable", "Retry-After: 2\r\n"),
        _ => taken(0),
    });
    let (_agent, source) = serving(fake::one);
    let pushing = pushing(source, &receiver.url(), OFTEN);
    let exports = receiver.first(2);
    assert!(exports[1].at - exports[0].at >= Duration::from_secs(2));
    assert!(exports[1].time() - exports[0].time() >= 1_900_000_000, "a dozen were due meanwhile");
    let state = settled(&pushing, "it is delivered", |state| state.delivered > 0);
    assert_eq!(state.failed, 1, "those that were never made did not fail");
}

#[test]
fn what_is_refused_for_good_is_not_tried_again() {
    let receiver = Receiver::answering(|before| match before {
        0 => refused("400 Bad Request", ""),
        1 => refused("500 Internal Server Error", ""),
        _ => taken(0),
    });
    let (_agent, source) = serving(fake::one);
    let pushing = pushing(source, &receiver.url(), OFTEN);
    let exports = receiver.first(3);
    let state = settled(&pushing, "it is delivered", |state| state.delivered > 0);
    assert_eq!(state.failed, 2);
    assert!(exports[0].time() < exports[1].time() && exports[1].time() < exports[2].time());
}

#[test]
fn points_that_were_not_taken_are_counted() {
    let receiver = Receiver::answering(|before| taken(if before == 0 { 5 } else { 0 }));
    let (_agent, source) = serving(fake::one);
    let pushing = pushing(source, &receiver.url(), OFTEN);
    let state = settled(&pushing, "two are delivered", |state| state.delivered >= 2);
    assert_eq!((state.failed, state.rejected_points), (0, 5));
}

#[test]
fn the_last_numbers_of_a_pair_are_sent_until_they_are_taken_and_then_no_more() {
    let receiver = Receiver::answering(|before| match before {
        0 => refused("400 Bad Request", ""),
        _ => taken(0),
    });
    let (_agent, source) = serving(|at| {
        let mut web = fake::pair("web");
        web.ended = Some("veth1a2b was deleted".into());
        fake::snapshot(at, vec![(1, web), (2, fake::pair("db"))])
    });
    let _pushing = pushing(source, &receiver.url(), OFTEN);
    let has = |name: &str| {
        let exports = receiver.first(4);
        let with = [("pair", name), ("direction", "to_peer")];
        exports.iter().map(|export| export.value("veth.frames.sent", &with).is_some()).collect::<Vec<_>>()
    };
    assert_eq!(has("web"), [true, true, false, false]);
    assert_eq!(has("db"), [true; 4]);
}

#[test]
fn the_end_brings_the_last_numbers_and_waits_for_nobody() {
    let receiver = Receiver::start();
    let (_agent, source) = serving(fake::one);
    let hour = Duration::from_hours(1);
    pushing(source.clone(), &receiver.url(), hour).finish(now(fake::many(0, 2)));
    let export = receiver.first(1).remove(0);
    let sent = [("pair", "pair-1"), ("direction", "to_peer")];
    assert_eq!(export.value("veth.frames.sent", &sent), Some(697.0));
    let silent = Receiver::answering(|_| Vec::new());
    let asked = Instant::now();
    pushing(source.clone(), &silent.url(), hour).finish(now(fake::one(0)));
    assert!(asked.elapsed() < Duration::from_secs(9), "{:?}", asked.elapsed());
    assert_eq!(silent.count(), 1);
    // Dropped, it says nothing.
    drop(pushing(source, &receiver.url(), hour));
    assert_eq!(receiver.count(), 1);
}
