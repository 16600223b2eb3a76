use super::*;
use crate::model::report::{Distribution, Traffic};

/// A direction in which so many frames were sent, and so many received.
fn direction(sent: u64, received: u64) -> DirectionReport {
    let traffic = |frames| Traffic { skbs: frames, frames, bytes: 60 * frames };
    DirectionReport {
        matched: received,
        sent: traffic(sent),
        received: traffic(received),
        lost: sent - received,
        delay: Distribution { count: received, ..Distribution::default() },
        ..DirectionReport::new("a", "b")
    }
}

fn told(replayed: u64, direction: &DirectionReport, recognised: u64, unseen: u64) -> (Told, u64, u64, u64) {
    let recognised = Recognised { frames: recognised, ..Recognised::default() };
    let verified = judge(replayed, direction, &recognised, unseen);
    (verified.told, verified.arrived, verified.missing, verified.others)
}

#[test]
fn alone_on_the_way_the_ledger_is_that_of_the_replay_whatever_the_ring_lost() {
    assert_eq!(told(100, &direction(100, 100), 3, 97), (Told::ByCount, 100, 0, 0));
    assert_eq!(told(100, &direction(100, 90), 3, 87), (Told::ByCount, 90, 10, 0));
}

#[test]
fn among_others_frames_are_known_by_their_bytes() {
    assert_eq!(told(100, &direction(150, 149), 100, 0), (Told::ByBytes, 100, 0, 50));
    assert_eq!(told(100, &direction(150, 149), 99, 0), (Told::ByBytes, 99, 1, 50));
}

#[test]
fn where_nobody_lost_anything_the_replay_did_not_either() {
    assert_eq!(told(100, &direction(150, 150), 20, 80), (Told::ByBytes, 100, 0, 50));
}

#[test]
fn a_stranger_that_takes_the_place_of_one_of_ours_is_not_taken_for_it() {
    // One of ours never left, and one arrived that nobody saw leave.
    let mut strange = direction(100, 100);
    strange.unmatched = 1;
    assert_eq!(told(100, &strange, 100, 0), (Told::ByBytes, 100, 0, 0));
    assert_eq!(told(100, &direction(99, 99), 99, 0), (Told::ByBytes, 99, 1, 0));
}

#[test]
fn equal_frames_are_outstanding_as_often_as_they_were_sent() {
    let outstanding = Outstanding::default();
    outstanding.add(b"one");
    outstanding.add(b"one");
    outstanding.add(b"other");
    assert!(outstanding.take(b"one") && outstanding.take(b"one") && !outstanding.take(b"one"));
    assert!(!outstanding.take(b"none") && !outstanding.is_empty());
    assert!(outstanding.take(b"other") && outstanding.is_empty());
}
