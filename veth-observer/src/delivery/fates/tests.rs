use veth_observer_common::drops::Dead;

use super::*;
use crate::model::drop::{Side, Stage};

const TIMEOUT: u64 = 2_000_000_000;
const LOST: Fate = Fate::Lost { frames: 1 };
const SLACK: u64 = 500_000_000;
const LATER: u64 = 10_000_000_000;

const CERTAIN: Knowledge = Knowledge { ring_lost_until_ns: [0; 2], may_be_lost: [true; 2] };

fn sent(at_ns: u64, cpu: u32, frames: u32) -> Seen {
    let departure = Some(Departure { from: 0, at_ns, cpu: Some(cpu) });
    let (number, bytes) = (Some(at_ns), vec![0; 60]);
    Seen { from: 0, point: Point::Sent, number, at_ns, departure, len: 60, frames, bytes }
}

fn received(at_ns: u64, departed_ns: u64, cpu: Option<u32>, frames: u32) -> Seen {
    let departure = Some(Departure { from: 0, at_ns: departed_ns, cpu });
    Seen { point: Point::Received, number: None, at_ns, departure, ..sent(at_ns, 0, frames) }
}

fn death() -> Death {
    Death {
        reason: Some("QDISC_DROP".into()),
        function: Some("__dev_queue_xmit".into()),
        side: Side::Sending,
        dead: Dead::NONE,
        ..Death::UNPLACED
    }
}

fn dropped() -> Fate {
    let (reason, location) = (Some("QDISC_DROP".into()), "__dev_queue_xmit".into());
    Fate::Dropped { stage: Stage::Qdisc, reason, location, frames: 1 }
}

fn all(fates: &mut Fates, horizon_ns: u64, knowledge: Knowledge) -> Vec<(u64, Point, Fate)> {
    std::iter::from_fn(|| fates.next(horizon_ns, knowledge))
        .map(|sample| (sample.at_ns, sample.point, sample.fate))
        .collect()
}

#[test]
fn a_departure_waits_for_its_arrival_and_holds_back_what_came_later() {
    let mut fates = Fates::new(TIMEOUT, SLACK, false);
    fates.seen(sent(100, 1, 1));
    fates.seen(sent(200, 0, 1));
    fates.seen(received(250, 200, Some(0), 1));
    assert_eq!(all(&mut fates, 5_000_000, CERTAIN), []);
    fates.seen(received(300, 100, Some(1), 1));
    let delivered = |delay_ns| Fate::Delivered { delay_ns };
    assert_eq!(
        all(&mut fates, 5_000_000, CERTAIN),
        [
            (100, Point::Sent, delivered(200)),
            (200, Point::Sent, delivered(50)),
            (250, Point::Received, delivered(50)),
            (300, Point::Received, delivered(200)),
        ]
    );
    assert_eq!(fates.bytes, 0);
}

#[test]
fn two_cpus_may_send_at_the_same_moment() {
    let mut fates = Fates::new(TIMEOUT, SLACK, false);
    fates.seen(sent(100, 0, 1));
    fates.seen(sent(100, 1, 1));
    fates.died(Departure { from: 0, at_ns: 100, cpu: Some(1) }, 1, &death());
    fates.seen(received(130, 100, Some(0), 1));
    let told: Vec<Fate> = all(&mut fates, LATER, CERTAIN).into_iter().map(|(.., fate)| fate).collect();
    let delivered = Fate::Delivered { delay_ns: 30 };
    assert_eq!(told, [delivered.clone(), dropped(), delivered]);
}

#[test]
fn without_arrival_or_death_it_is_lost_after_the_timeout_and_not_before() {
    let mut fates = Fates::new(TIMEOUT, SLACK, false);
    fates.seen(sent(100, 0, 1));
    assert!(!fates.is_overdue(99 + TIMEOUT + SLACK));
    assert_eq!(all(&mut fates, 99 + TIMEOUT + SLACK, CERTAIN), []);
    assert!(fates.is_overdue(100 + TIMEOUT + SLACK));
    assert_eq!(all(&mut fates, 100 + TIMEOUT + SLACK, CERTAIN), [(100, Point::Sent, LOST)]);
}

#[test]
fn a_frame_is_not_called_lost_when_its_arrival_may_have_found_the_ring_full() {
    for knowledge in [
        Knowledge { ring_lost_until_ns: [100, 0], ..CERTAIN },
        Knowledge { may_be_lost: [false, true], ..CERTAIN },
    ] {
        let mut fates = Fates::new(TIMEOUT, SLACK, false);
        fates.seen(sent(100, 0, 1));
        assert_eq!(all(&mut fates, LATER, knowledge), [(100, Point::Sent, Fate::Unknown)], "{knowledge:?}");
    }
    let mut fates = Fates::new(TIMEOUT, SLACK, false);
    fates.seen(sent(100, 0, 1));
    let other = Knowledge { ring_lost_until_ns: [99, LATER], ..CERTAIN };
    assert_eq!(all(&mut fates, LATER, other), [(100, Point::Sent, LOST)]);
}

#[test]
fn a_buffer_is_delivered_when_all_of_its_frames_are_and_dropped_when_one_is() {
    let mut fates = Fates::new(TIMEOUT, SLACK, false);
    fates.seen(sent(100, 0, 3));
    fates.seen(received(200, 100, Some(0), 2));
    assert_eq!(all(&mut fates, 5_000_000, CERTAIN), []);
    fates.seen(received(210, 100, Some(0), 1));
    assert_eq!(all(&mut fates, 5_000_000, CERTAIN)[0].2, Fate::Delivered { delay_ns: 100 });

    fates.seen(sent(300, 0, 3));
    fates.seen(received(400, 300, Some(0), 2));
    fates.died(Departure { from: 0, at_ns: 300, cpu: Some(0) }, 1, &death());
    assert_eq!(all(&mut fates, 5_000_000, CERTAIN)[0].2, dropped());
}

#[test]
fn known_by_its_bytes_the_first_piece_stands_for_the_buffer() {
    let mut fates = Fates::new(TIMEOUT, SLACK, false);
    fates.seen(sent(100, 3, 44));
    fates.seen(received(150, 100, None, 1));
    assert_eq!(all(&mut fates, 5_000_000, CERTAIN)[0].2, Fate::Delivered { delay_ns: 50 });
}

#[test]
fn what_a_tap_throws_away_is_no_death() {
    let mut fates = Fates::new(TIMEOUT, SLACK, false);
    fates.seen(sent(100, 0, 1));
    let tap = Death { function: Some("packet_rcv".into()), reason: None, ..death() };
    fates.died(Departure { from: 0, at_ns: 100, cpu: Some(0) }, 1, &tap);
    assert_eq!(all(&mut fates, 5_000_000, CERTAIN), []);
}

#[test]
fn at_the_end_nothing_stays_and_only_what_is_overdue_is_lost() {
    let mut fates = Fates::new(TIMEOUT, SLACK, false);
    fates.seen(sent(100, 0, 1));
    fates.seen(sent(LATER, 0, 1));
    let mut last = || fates.last(LATER, CERTAIN).map(|sample| sample.fate);
    assert_eq!([last(), last(), last()], [Some(LOST), Some(Fate::Unknown), None]);
}

#[test]
fn the_number_of_a_departure_goes_with_its_arrival() {
    let mut fates = Fates::new(TIMEOUT, SLACK, false);
    fates.seen(sent(100, 0, 1));
    fates.seen(received(150, 100, Some(0), 1));
    fates.next(LATER, CERTAIN);
    assert_eq!(fates.next(LATER, CERTAIN).unwrap().number, Some(100));
}
