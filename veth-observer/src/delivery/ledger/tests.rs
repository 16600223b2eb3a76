use super::*;
use crate::model::drop::{Death, Side};

const SHIFT: u32 = 29;
const TIMEOUT: u64 = 2_000_000_000;
const START: u64 = 123_456_789_012_345;

struct Wire {
    reading: Reading,
    ledger: Ledger,
}

impl Wire {
    fn new() -> Self {
        Self { reading: Reading::ZERO, ledger: Ledger::new(TIMEOUT, SHIFT, true) }
    }

    fn send(&mut self, at: u64, frames: u64) {
        self.reading.sent.frames += frames;
        self.reading.sent.epochs[epoch(at, SHIFT)] += frames;
    }

    fn arrive(&mut self, sent_at: u64, frames: u64) {
        self.reading.received.frames += frames;
        self.reading.received.epochs[epoch(sent_at, SHIFT)] += frames;
    }

    fn die(&mut self, sent_at: u64, frames: u64) {
        let mut dead = Dead::NONE;
        dead.epochs[epoch(sent_at, SHIFT)] = frames;
        let function = Some("tbf_reset".into());
        self.reading.deaths.push(Death { function, side: Side::Sending, dead, ..Death::UNPLACED });
    }

    fn at(&mut self, now: u64) -> (u64, u64, i64) {
        (self.reading.before_ns, self.reading.after_ns) = (now, now + 50_000);
        let report = self.ledger.report(&self.reading, "a", "b");
        (report.in_flight, report.lost, report.unexplained)
    }
}

#[test]
fn a_frame_is_in_flight_until_it_arrives() {
    let mut wire = Wire::new();
    wire.send(START, 3);
    assert_eq!(wire.at(START + 10), (3, 0, 0));
    wire.arrive(START, 3);
    assert_eq!(wire.at(START + 20), (0, 0, 0));
}

#[test]
fn a_frame_that_does_not_arrive_is_lost_after_the_timeout_and_never_before() {
    let mut wire = Wire::new();
    wire.send(START, 1);
    let epoch = 1 << SHIFT;
    let mut now = START;
    while now <= START + TIMEOUT {
        assert_eq!(wire.at(now), (1, 0, 0));
        now += 40_000_000;
    }
    assert_eq!(wire.at(START + TIMEOUT + epoch), (0, 1, 0));
}

#[test]
fn a_frame_that_was_seen_to_die_is_neither_in_flight_nor_lost() {
    let mut wire = Wire::new();
    wire.send(START, 5);
    wire.arrive(START, 2);
    wire.die(START, 2);
    assert_eq!(wire.at(START + 10), (1, 0, 0));
    assert_eq!(wire.at(START + 2 * TIMEOUT), (0, 1, 0));
}

#[test]
fn a_late_frame_takes_itself_off_the_lost() {
    let mut wire = Wire::new();
    wire.send(START, 1);
    assert_eq!(wire.at(START + 2 * TIMEOUT), (0, 1, 0));
    wire.arrive(START, 1);
    assert_eq!(wire.at(START + 2 * TIMEOUT + 1), (0, 0, 0));
}

#[test]
fn loss_is_exact_under_steady_traffic_over_many_rounds_of_epochs() {
    let mut wire = Wire::new();
    let step = 10_000_000;
    let mut lost_by = Vec::new();
    for i in 0..5000_u64 {
        let now = START + i * step;
        wire.send(now, 7);
        lost_by.push(u64::from(i % 10 == 3));
        if let Some(before) = i.checked_sub(3) {
            let sent_at = START + before * step;
            wire.arrive(sent_at, 7 - lost_by[usize::try_from(before).unwrap()]);
        }
        if i % 50 == 49 {
            let (in_flight, lost, unexplained) = wire.at(now);
            let certainly = i.saturating_sub((TIMEOUT + (1 << SHIFT)) / step + 1);
            let at_most = i.saturating_sub(TIMEOUT / step);
            let total = |until: u64| -> u64 { lost_by.iter().take(usize::try_from(until).unwrap()).sum() };
            assert!(lost >= total(certainly) && lost <= total(at_most + 1), "{i}: {lost}");
            assert_eq!(
                (wire.reading.sent.frames - wire.reading.received.frames, unexplained),
                (in_flight + lost, 0)
            );
        }
    }
}

#[test]
fn closing_counts_everything_outstanding() {
    let mut wire = Wire::new();
    wire.send(START, 9);
    wire.arrive(START, 4);
    let reading = wire.reading.clone();
    wire.ledger.close(&reading);
    assert_eq!(wire.at(START + 1), (0, 5, 0));
}

#[test]
fn a_frame_that_is_a_round_of_epochs_late_takes_itself_off_too() {
    let mut wire = Wire::new();
    wire.send(START, 1);
    assert_eq!(wire.at(START + 2 * TIMEOUT), (0, 1, 0));
    // Its slot belongs to the present again.
    let round = (EPOCHS as u64) << SHIFT;
    assert_eq!(wire.at(START + round), (0, 1, 0));
    wire.arrive(START, 1);
    assert_eq!(wire.at(START + round + 1), (0, 0, 0));
}

#[test]
fn more_arrivals_than_departures_show_as_unexplained() {
    let mut wire = Wire::new();
    wire.send(START, 1);
    wire.arrive(START, 2);
    assert_eq!(wire.at(START + 1), (0, 0, -1));
}

#[test]
fn what_passes_before_it_begins_shows_which_way_of_recognising_fits() {
    let trial = |departed, recognised, strange| {
        let mut after = Reading::ZERO;
        after.sent.outside = departed;
        (after.received.outside, after.received.strange) = (recognised, strange);
        after
    };
    let mut ledger = Ledger::new(TIMEOUT, SHIFT, true);
    for (departed, recognised, strange) in [(0, 0, 0), (1000, 990, 0), (1000, 990, 500), (3, 0, 3)] {
        let passes = trial(departed, recognised, strange);
        assert!(!ledger.try_on(&Reading::ZERO, &passes), "{passes:?}");
    }
    let eaten = trial(1000, 100, 880);
    assert!(ledger.try_on(&Reading::ZERO, &eaten));
    assert_eq!(ledger.matching(), Matching::Address);
    assert!(ledger.try_on(&Reading::ZERO, &eaten));
    assert_eq!(ledger.matching(), Matching::Digest);
    assert!(!ledger.try_on(&Reading::ZERO, &eaten));
    assert!(!Ledger::new(TIMEOUT, SHIFT, false).try_on(&Reading::ZERO, &eaten));
}

#[test]
fn in_sums_no_more_arrives_after_the_end_than_was_under_way() {
    let mut wire = Wire { ledger: Ledger::new(TIMEOUT, SHIFT, false), ..Wire::new() };
    wire.ledger.start(START);
    wire.send(START, 10);
    wire.reading.received.unmatched = 7;
    wire.reading.received.unmatched_bytes = 700;
    assert_eq!(wire.at(START + 1), (3, 0, 0));
    wire.ledger.end();
    wire.reading.received.unmatched = 27;
    wire.reading.received.unmatched_bytes = 2700;
    assert_eq!(wire.at(START + 2), (0, 0, 0));
    let received = wire.ledger.report(&wire.reading, "a", "b").received;
    assert_eq!((received.frames, received.bytes), (10, 1000));
}

mod in_the_driver {
    use super::*;

    const EPOCH: u64 = 1 << SHIFT;

    fn wire() -> Wire {
        let mut wire = Wire { ledger: Ledger::new(TIMEOUT, SHIFT, false), ..Wire::new() };
        wire.reading.before_ns = START;
        wire.ledger.start(START);
        wire
    }

    fn early(wire: &mut Wire, frames: u64) {
        wire.reading.received.early += frames;
        wire.reading.received.early_bytes += 100 * frames;
    }

    #[test]
    fn what_left_before_our_time_is_left_out() {
        let mut wire = wire();
        wire.send(START, 5);
        early(&mut wire, 70);
        assert_eq!(wire.at(START + 10), (5, 0, 0));
        wire.reading.received.unmatched += 5;
        assert_eq!(wire.at(START + 20), (0, 0, 0));
        assert_eq!(wire.at(START + TIMEOUT + 2 * EPOCH), (0, 0, 0));
        assert_eq!(wire.ledger.report(&wire.reading, "a", "b").received.frames, 5);
    }

    #[test]
    fn where_none_is_recognised_they_are_what_would_be_missing() {
        let mut wire = wire();
        wire.send(START, 50);
        wire.die(START, 4);
        early(&mut wire, 40);
        assert_eq!(wire.at(START + 10), (46, 0, 0));
        // 6 have neither come nor died.
        assert_eq!(wire.at(START + TIMEOUT + 2 * EPOCH), (0, 6, 0));
        let later = START + TIMEOUT + 3 * EPOCH;
        wire.send(later, 10);
        early(&mut wire, 8);
        assert_eq!(wire.at(later + 10), (2, 6, 0));
        // One of the others is recognised after all.
        wire.reading.received.unmatched += 2;
        assert_eq!(wire.at(later + 20), (0, 6, 0));
        let report = wire.ledger.report(&wire.reading, "a", "b");
        assert_eq!((report.received.frames, report.received.bytes), (50, 4800));
    }

    #[test]
    fn at_the_end_they_are_no_more_than_left() {
        let mut wire = wire();
        wire.send(START, 7);
        early(&mut wire, 9);
        wire.at(START + 10);
        wire.ledger.close(&wire.reading);
        assert_eq!(wire.at(START + 20), (0, 0, 0));
        assert_eq!(wire.ledger.report(&wire.reading, "a", "b").received.frames, 7);
    }
}
