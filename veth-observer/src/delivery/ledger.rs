//! Telling what is lost from what is on its way.

#[cfg(test)]
mod tests;

use veth_observer_common::{
    counters::{EPOCHS, epoch},
    drops::Dead,
};

use super::{
    beside, drops,
    matching::{Evidence, Judge, Trial, Verdict},
    quantiles,
};
use crate::model::{
    reading::Reading,
    report::{DirectionReport, Matching, SeenAt, Traffic},
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
    early: Early,
    /// Frames were known by their bytes alone when it began, so that the first arrivals may have left before.
    begins_by_bytes: bool,
    /// Nothing more leaves that counts.
    ended: bool,
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
            early: Early::default(),
            begins_by_bytes: false,
            ended: false,
            closed: false,
        }
    }

    /// Before it begins: whether the frames that passed between two readings are to be recognised in another way than so
    /// far, which must be tried again then.
    pub fn try_on(&mut self, before: &Reading, after: &Reading) -> bool {
        self.judge.try_on(Trial {
            departed: after.sent.outside - before.sent.outside,
            recognised: after.received.outside - before.received.outside,
            strange: after.received.strange - before.received.strange,
        })
    }

    /// Begins, now (CLOCK_MONOTONIC, nanoseconds): the programs count what leaves from here on.
    pub fn start(&mut self, now_ns: u64) {
        self.early.since_ns = now_ns;
        self.begins_by_bytes = self.judge.matching() == Matching::Digest;
    }

    /// What leaves from here on does not count. Where nothing but sums tells what arrived, no more than what had left.
    pub fn end(&mut self) {
        self.ended = true;
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
            seen_at: SeenAt::Both,
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
            driver: reading.driver,
            collection_loss: received.sampling.lost + sent.sampling.lost + sent.deaths_lost + sent.forgotten,
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
        let mut now = Unstamped::of(reading);
        if self.begins_by_bytes {
            let mut known = now;
            known.add(self.early.delivered);
            let left = self.outstanding(reading, dead) - known.since(self.unstamped).frames.cast_signed();
            now.add(self.early.delivered(reading, left, self.timeout_ns, last));
        }
        let new = now.since(self.unstamped);
        self.unstamped = now;
        if self.judge.matching() == Matching::Digest {
            let room = u64::try_from(self.outstanding(reading, dead)).unwrap_or(0);
            let new = if self.ended { new.at_most(room) } else { new };
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

/// Arrivals before any was recognised, where frames are known by their bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Early {
    since_ns: u64,
    /// None will be recognised: something rewrites the frames on their way, say.
    in_vain: bool,
    delivered: Unstamped,
}

impl Early {
    /// Those that count as received. They left before our time, as long as one that was seen sent may yet come and show
    /// it. Where none comes, they are the departures that would otherwise be missing, of which `left` are.
    fn delivered(&mut self, reading: &Reading, left: i64, timeout_ns: u64, last: bool) -> Unstamped {
        let received = &reading.received;
        let waited = last || reading.before_ns.saturating_sub(self.since_ns) > timeout_ns;
        self.in_vain |= waited && received.early > 0 && received.unmatched == 0;
        if self.in_vain {
            let missing = u64::try_from(left).unwrap_or(0);
            let frames = received.early.min(self.delivered.frames + missing);
            let share = u128::from(received.early_bytes) * u128::from(frames) / u128::from(received.early);
            let bytes = u64::try_from(share).unwrap_or(received.early_bytes);
            self.delivered = Unstamped { skbs: frames, frames, bytes: bytes.max(self.delivered.bytes) };
        }
        self.delivered
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

    /// The first frames of these.
    fn at_most(self, frames: u64) -> Self {
        if self.frames <= frames {
            return self;
        }
        let share = |of: u64| {
            u64::try_from(u128::from(of) * u128::from(frames) / u128::from(self.frames)).unwrap_or(of)
        };
        Self { skbs: share(self.skbs), frames, bytes: share(self.bytes) }
    }

    fn add(&mut self, more: Self) {
        self.skbs += more.skbs;
        self.frames += more.frames;
        self.bytes += more.bytes;
    }
}
