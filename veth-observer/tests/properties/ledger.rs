//! The ledger against frames whose fate is known, read at any moments, each reading taking its time.

use proptest::prelude::*;
use veth_observer::{
    delivery::Ledger,
    model::{
        drop::{Death, Side},
        reading::Reading,
        report::DirectionReport,
    },
};
use veth_observer_common::{
    counters::{EPOCHS, epoch},
    drops::Dead,
};

/// Nanoseconds; an epoch is a quarter of the timeout or a little more, as the loader chooses it.
const TIMEOUT: u64 = 2_000_000_000;
const SHIFT: u32 = 29;
const START: u64 = 77_123_456_789_012;

#[derive(Debug, Clone, Copy)]
struct Frame {
    left: u64,
    /// When it arrived or was seen to die; none when it vanished.
    ended: Option<u64>,
    died: bool,
}

/// A look: reading begins, arrivals are read, departures are read, reading ends.
#[derive(Debug, Clone, Copy)]
struct Look {
    before: u64,
    arrivals: u64,
    departures: u64,
    after: u64,
}

/// After so long the slot of an epoch is used again.
const ROUND: u64 = (EPOCHS as u64) << SHIFT;

/// Up to 200 frames over 20 s: two in three end within a second, the others as late as `latest`, or never.
fn frames(latest: u64) -> impl Strategy<Value = Vec<Frame>> {
    let fate = prop_oneof![
        4 => (0..1_000_000_000_u64).prop_map(Some),
        1 => (0..latest).prop_map(Some),
        1 => Just(None),
    ];
    let died = prop::bool::weighted(0.1);
    let frame = (0..20_000_000_000_u64, fate, died).prop_map(|(left, delay, died)| Frame {
        left: START + left,
        ended: delay.map(|delay| START + left + delay),
        died,
    });
    prop::collection::vec(frame, 0..200)
}

/// Looks in order, `pause` apart at most.
fn looks(pause: u64) -> impl Strategy<Value = Vec<Look>> {
    let look = (0..pause, prop::array::uniform3(0..1_000_000_u64));
    prop::collection::vec(look, 1..60).prop_map(|looks| {
        let mut now = START;
        looks
            .into_iter()
            .map(|(pause, steps)| {
                let before = now + pause;
                let [arrivals, departures, after] = [steps[0], steps[0] + steps[1], steps.iter().sum()];
                now = before + after;
                Look { before, arrivals: before + arrivals, departures: before + departures, after: now }
            })
            .collect()
    })
}

fn reading(frames: &[Frame], look: Look) -> Reading {
    let mut dead = Dead::NONE;
    let mut reading = Reading { before_ns: look.before, after_ns: look.after, ..Reading::ZERO };
    for frame in frames {
        let slot = epoch(frame.left, SHIFT);
        if frame.left <= look.departures {
            reading.sent.frames += 1;
            reading.sent.epochs[slot] += 1;
        }
        if frame.ended.is_some_and(|at| at <= look.arrivals) {
            if frame.died {
                dead.epochs[slot] += 1;
            } else {
                reading.received.frames += 1;
                reading.received.epochs[slot] += 1;
            }
        }
    }
    let (reason, function) = (Some("QDISC_DROP".into()), Some("__dev_queue_xmit".into()));
    reading.deaths.push(Death { reason, function, side: Side::Sending, dead, ..Death::UNPLACED });
    reading
}

/// All that the report says became of the frames that left.
fn placed(report: &DirectionReport) -> u64 {
    let dropped: u64 = report.dropped.iter().map(|place| place.frames).sum();
    report.received.frames + dropped + report.lost + report.in_flight
}

/// Frames that had not arrived at a look and had left at least this long before a moment.
fn missing(frames: &[Frame], look: Look, moment: u64, age: u64) -> u64 {
    let missing = |frame: &&Frame| {
        frame.left <= look.departures
            && frame.left + age <= moment
            && frame.ended.is_none_or(|at| at > look.arrivals)
    };
    frames.iter().filter(missing).count() as u64
}

/// Frames that may pass for lost too early: as many as came late left their slot to frames that are under way now. From the
/// counters nobody could tell which of them arrived.
fn taken_for_late(frames: &[Frame], look: Look) -> u64 {
    let mut slots = [(0_u64, 0_u64); EPOCHS];
    for frame in frames.iter().filter(|frame| frame.left <= look.departures) {
        let (late, young) = &mut slots[epoch(frame.left, SHIFT)];
        match frame.ended.filter(|&at| at <= look.arrivals) {
            Some(at) => *late += u64::from(at > frame.left + TIMEOUT),
            None => *young += u64::from(frame.left + TIMEOUT > look.after),
        }
    }
    slots.iter().map(|(late, young)| late.min(young)).sum()
}

proptest! {
    /// A look in every half of all epochs is what the ledger asks for.
    #[test]
    fn lost_and_in_flight_are_what_they_are_at_every_look(frames in frames(3 * TIMEOUT), looks in looks(8 << SHIFT)) {
        let mut ledger = Ledger::new(TIMEOUT, SHIFT, true);
        for look in looks {
            let report = ledger.report(&reading(&frames, look), "a", "b");
            prop_assert_eq!(report.sent.frames, placed(&report));
            prop_assert_eq!(report.unexplained, 0);
            let at_most = missing(&frames, look, look.after, TIMEOUT) + taken_for_late(&frames, look);
            let at_least = missing(&frames, look, look.before, TIMEOUT + (1 << SHIFT));
            prop_assert!(
                (at_least..=at_most).contains(&report.lost),
                "{} lost at {look:?}, not {at_least} to {at_most}", report.lost
            );
        }
    }

    #[test]
    fn a_frame_later_than_all_epochs_leaves_the_sum_right(frames in frames(3 * ROUND), looks in looks(8 << SHIFT)) {
        let mut ledger = Ledger::new(TIMEOUT, SHIFT, true);
        for look in looks {
            let report = ledger.report(&reading(&frames, look), "a", "b");
            prop_assert_eq!(report.sent.frames, placed(&report));
            prop_assert_eq!(report.unexplained, 0);
            let at_least = missing(&frames, look, look.before, TIMEOUT + (1 << SHIFT));
            prop_assert!(report.lost >= at_least, "{} lost at {look:?}, not {at_least}", report.lost);
        }
    }

    #[test]
    fn a_look_that_comes_too_late_never_calls_a_frame_lost_too_early(frames in frames(3 * TIMEOUT), looks in looks(40 << SHIFT)) {
        let mut ledger = Ledger::new(TIMEOUT, SHIFT, true);
        for look in looks {
            let report = ledger.report(&reading(&frames, look), "a", "b");
            prop_assert_eq!(report.sent.frames, placed(&report));
            let at_most = missing(&frames, look, look.after, TIMEOUT) + taken_for_late(&frames, look);
            prop_assert!(report.lost <= at_most, "{} lost at {look:?}, not {at_most}", report.lost);
        }
    }

    #[test]
    fn the_end_leaves_nothing_in_flight_and_what_comes_later_takes_itself_off(frames in frames(3 * TIMEOUT), looks in looks(8 << SHIFT)) {
        let mut ledger = Ledger::new(TIMEOUT, SHIFT, true);
        for &look in &looks {
            ledger.report(&reading(&frames, look), "a", "b");
        }
        // Nothing leaves any more.
        let last = *looks.last().unwrap();
        let gone: Vec<Frame> = frames.into_iter().filter(|frame| frame.left <= last.departures).collect();
        ledger.close(&reading(&gone, last));
        let report = ledger.report(&reading(&gone, last), "a", "b");
        prop_assert_eq!((report.in_flight, report.lost), (0, missing(&gone, last, last.after, 0)));

        let later = last.after + 4 * TIMEOUT;
        let much_later = Look { before: later, arrivals: later, departures: later, after: later };
        let report = ledger.report(&reading(&gone, much_later), "a", "b");
        let never = gone.iter().filter(|frame| frame.ended.is_none()).count() as u64;
        prop_assert_eq!((report.in_flight, report.lost, report.unexplained), (0, never, 0));
    }
}
