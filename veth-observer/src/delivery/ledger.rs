//! Telling what is lost from what is on its way.

use veth_observer_common::{
    counters::{EPOCHS, epoch},
    drops::Dead,
};

use super::{
    beside, drops,
    matching::{Evidence, Judge, Verdict},
    quantiles,
};
use crate::model::{
    reading::Reading,
    report::{DirectionReport, Matching, Traffic},
};

/// The ledger of one direction.
///
/// Departures, arrivals and deaths are counted by the epoch in which the frame left. Once an epoch lies further back than
/// the loss timeout, whatever of it has neither arrived nor died is lost, exactly; a late arrival takes itself off again.
/// Where stamps do not survive the way, arrivals are counted by the epoch in which they came: exact in sum, and within an
/// epoch of it in time.
#[derive(Debug, Clone)]
pub struct Ledger {
    timeout_ns: u64,
    shift: u32,
    /// Frames missing, by epoch modulo [`EPOCHS`], as of the last time that epoch was closed.
    missing: [i64; EPOCHS],
    judge: Judge,
    /// Arrivals without a stamp, as of the last look.
    unstamped: Unstamped,
    /// Of these, what counts as received, and by epoch.
    credited: Unstamped,
    credited_epochs: [u64; EPOCHS],
    unmatched: u64,
    /// Of the unmatched, those that may have lost their stamp.
    suspected: Unstamped,
    /// Nothing more can arrive in time.
    closed: bool,
}

impl Ledger {
    /// `shift` is log2 of an epoch in nanoseconds; `timeout_ns` at most a quarter of all epochs. `stamps` says whether the
    /// receiving hook can see stamps at all.
    pub fn new(timeout_ns: u64, shift: u32, stamps: bool) -> Self {
        let matching = if stamps { Matching::Stamp } else { Matching::Digest };
        Self {
            timeout_ns,
            shift,
            missing: [0; EPOCHS],
            judge: Judge::new(matching, !stamps),
            unstamped: Unstamped::default(),
            credited: Unstamped::default(),
            credited_epochs: [0; EPOCHS],
            unmatched: 0,
            suspected: Unstamped::default(),
            closed: false,
        }
    }

    /// Leaves what arrived unmatched so far out of all reports: it left before we were there.
    pub fn start(&mut self, reading: &Reading) {
        self.unstamped = Unstamped::of(reading);
        self.judge.start(self.unstamped.frames);
    }

    /// How frames of this direction are to be recognised from now on.
    pub fn matching(&self) -> Matching {
        self.judge.matching()
    }

    /// The state of the direction at a reading. Must be called at least once in every half of all epochs; called less
    /// often, `lost` stays behind and `in_flight` holds the rest until the next call.
    pub fn report(&mut self, reading: &Reading, from: &str, to: &str) -> DirectionReport {
        let (dead, dropped) = drops::of_the_link(&reading.deaths, self.judge.is_fixed());
        self.look(reading, &dead, false);
        self.close_epochs(reading, &dead);
        let (sent, received) = (&reading.sent, &reading.received);
        let missing: i64 = self.missing.iter().sum();
        let outstanding = self.outstanding(reading, &dead);
        let open = u64::try_from(outstanding).unwrap_or(0);
        let lost = u64::try_from(missing).unwrap_or(0).min(open);
        DirectionReport {
            from: from.to_owned(),
            to: to.to_owned(),
            matching: self.judge.matching(),
            matched: received.timed(),
            sent: Traffic { skbs: sent.skbs, frames: sent.frames, bytes: sent.bytes },
            received: Traffic {
                skbs: received.skbs + self.credited.skbs,
                frames: received.frames + self.credited.frames,
                bytes: received.bytes + self.credited.bytes,
            },
            dropped,
            in_flight: open - lost,
            lost,
            unexplained: outstanding.min(0),
            unmatched: self.unmatched,
            reordered: received.reordered,
            duplicated: received.duplicated,
            delay: quantiles::delays(received),
            clamped: received.clamped,
            variation: quantiles::variation(&received.variation),
            collection_loss: received.sample_lost + sent.forgotten,
            probes: reading.probes.as_deref().map(|counted| {
                let stages = reading.stages.as_deref().map(|[_, probes]| probes);
                beside::report(counted, stages, self.closed)
            }),
            stages: reading.stages.as_deref().map(|[traffic, _]| beside::stages(traffic)),
        }
    }

    /// Departures have ended longer ago than the timeout: all that has not arrived is lost.
    pub fn close(&mut self, reading: &Reading) {
        self.closed = true;
        let (dead, _) = drops::of_the_link(&reading.deaths, self.judge.is_fixed());
        self.look(reading, &dead, true);
        for slot in 0..EPOCHS {
            self.missing[slot] = self.outstanding_of(slot, reading, &dead);
        }
    }

    /// Decides what the arrivals without a stamp since the last look were.
    fn look(&mut self, reading: &Reading, dead: &Dead, last: bool) {
        let now = Unstamped::of(reading);
        let new = now.since(self.unstamped);
        self.unstamped = now;
        if self.judge.matching() == Matching::Digest {
            self.credit(new);
            self.credited_epochs[epoch(reading.before_ns, self.shift)] += new.frames;
        } else {
            self.unmatched += new.frames;
            self.suspected.add(new);
        }
        let evidence = Evidence {
            stamped: reading.received.frames,
            by_address: reading.received.by_address,
            unmatched: now.frames,
            missing: self.outstanding(reading, dead),
        };
        match self.judge.look(evidence, last) {
            Verdict::Suspicion => {}
            Verdict::Trust => self.suspected = Unstamped::default(),
            Verdict::Delivered => {
                let suspected = std::mem::take(&mut self.suspected);
                self.unmatched -= suspected.frames;
                self.credit(suspected);
                self.credit_oldest_first(suspected.frames, reading, dead);
            }
        }
    }

    fn credit(&mut self, arrivals: Unstamped) {
        self.credited.add(arrivals);
    }

    /// Of frames that came without a word about their departure, the first have most likely left first.
    fn credit_oldest_first(&mut self, mut frames: u64, reading: &Reading, dead: &Dead) {
        let newest = epoch(reading.after_ns, self.shift);
        for slot in (1..=EPOCHS).map(|ahead| (newest + ahead) % EPOCHS) {
            let room = u64::try_from(self.outstanding_of(slot, reading, dead)).unwrap_or(0);
            let here = if slot == newest { frames } else { frames.min(room) };
            self.credited_epochs[slot] += here;
            frames -= here;
        }
    }

    fn close_epochs(&mut self, reading: &Reading, dead: &Dead) {
        // A frame of the oldest open epoch may have left just within the timeout when we began to read, one of the newest
        // just before we ended.
        let oldest = reading.before_ns.saturating_sub(self.timeout_ns) >> self.shift;
        let newest = reading.after_ns >> self.shift;
        let open = newest - oldest;
        for slot in 0..EPOCHS {
            let age = (slot + EPOCHS - epoch(oldest, 0)) % EPOCHS;
            let frames = self.outstanding_of(slot, reading, dead);
            // A frame may arrive so late that its slot is in use again: it takes itself off the missing all the same.
            let closed = age as u64 > open;
            self.missing[slot] = if closed { frames } else { self.missing[slot].min(frames) };
        }
    }

    /// Frames that have neither arrived nor died; negative when more arrived than left.
    fn outstanding(&self, reading: &Reading, dead: &Dead) -> i64 {
        (0..EPOCHS).map(|slot| self.outstanding_of(slot, reading, dead)).sum()
    }

    /// Of this epoch, or of one a round of epochs earlier. Counters never come near 2⁶³.
    fn outstanding_of(&self, slot: usize, reading: &Reading, dead: &Dead) -> i64 {
        let gone = [reading.received.epochs[slot], dead.epochs[slot], self.credited_epochs[slot]];
        gone.into_iter().fold(reading.sent.epochs[slot], u64::wrapping_sub).cast_signed()
    }
}

/// Arrivals that carried no stamp.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Unstamped {
    skbs: u64,
    frames: u64,
    bytes: u64,
}

impl Unstamped {
    fn of(reading: &Reading) -> Self {
        let received = &reading.received;
        Self { skbs: received.unmatched_skbs, frames: received.unmatched, bytes: received.unmatched_bytes }
    }

    fn since(self, before: Self) -> Self {
        Self {
            skbs: self.skbs - before.skbs,
            frames: self.frames - before.frames,
            bytes: self.bytes - before.bytes,
        }
    }

    fn add(&mut self, more: Self) {
        self.skbs += more.skbs;
        self.frames += more.frames;
        self.bytes += more.bytes;
    }
}

#[cfg(test)]
mod tests {
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
            let function = Some("tbf_enqueue".into());
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
                let total =
                    |until: u64| -> u64 { lost_by.iter().take(usize::try_from(until).unwrap()).sum() };
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
    fn arrivals_from_before_our_time_are_not_ours() {
        let mut wire = Wire::new();
        wire.reading.received.unmatched = 5;
        let reading = wire.reading.clone();
        wire.ledger.start(&reading);
        wire.reading.received.unmatched = 8;
        wire.at(START);
        assert_eq!(wire.ledger.report(&wire.reading, "a", "b").unmatched, 3);
    }
}
