//! What became of each sampled frame: departures wait until their arrival or death is told, or the loss timeout is over.

use std::collections::VecDeque;

use super::drops;
use crate::model::{
    drop::Death,
    report::Dropped,
    sample::{Departure, Fate, Point, Sample, Seen},
};

#[cfg(test)]
mod tests;

/// A record may be written this much later than the time it tells: the programs cannot be preempted, but interrupted.
const SETTLE_NS: u64 = 1_000_000;

/// Bytes that may wait; beyond, the oldest departures go with their fate unknown.
const MOST_BYTES: usize = 64 << 20;

/// What a waiting frame takes beside its bytes, about.
const OVERHEAD: usize = 192;

/// What else is known when departures are overdue, by direction.
#[derive(Debug, Clone, Copy, Default)]
pub struct Knowledge {
    /// The ring lost records until then (CLOCK_MONOTONIC, nanoseconds); 0 when never.
    pub ring_lost_until_ns: [u64; 2],
    /// The ledger knows of frames that were lost without being seen to die.
    pub may_be_lost: [bool; 2],
}

/// Frames by the time they were seen, as long as the fate of one of them is open.
#[derive(Debug)]
pub struct Fates {
    timeout_ns: u64,
    /// By so much later than the timeout the ledger calls a frame lost.
    slack_ns: u64,
    /// Frames have arrived at XDP in the driver, so that what dies of them later is no loss.
    in_driver: bool,
    /// In the order of their keys, which is nearly that in which they come.
    waiting: VecDeque<(Key, Waiting)>,
    bytes: usize,
    serial: u64,
}

/// In the order of time; of a departure, also what it is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    at_ns: u64,
    point: Point,
    from: usize,
    cpu: u32,
    serial: u64,
}

#[derive(Debug)]
struct Waiting {
    seen: Seen,
    delay_ns: Option<u64>,
    /// Known by its bytes, which tell but the first piece of a buffer.
    by_bytes: bool,
    /// Frames that arrived or died.
    accounted: u32,
    place: Option<Dropped>,
}

impl Fates {
    pub fn new(timeout_ns: u64, slack_ns: u64, in_driver: bool) -> Self {
        Self { timeout_ns, slack_ns, in_driver, waiting: VecDeque::new(), bytes: 0, serial: 0 }
    }

    /// Takes in a frame that was seen; of one departure, the arrival comes later.
    pub fn seen(&mut self, mut seen: Seen) {
        let cpu = seen.departure.and_then(|departure| departure.cpu).unwrap_or(u32::MAX);
        if seen.point == Point::Received
            && let Some(departure) = seen.departure
            && let Some(sent) = self.find(departure)
        {
            seen.number = sent.seen.number;
            sent.delay_ns.get_or_insert(seen.at_ns.saturating_sub(departure.at_ns));
            sent.by_bytes |= departure.cpu.is_none();
            sent.accounted = sent.accounted.saturating_add(seen.frames);
        }
        self.serial += 1;
        let key = Key { at_ns: seen.at_ns, point: seen.point, from: seen.from, cpu, serial: self.serial };
        self.bytes += seen.bytes.len() + OVERHEAD;
        let waiting = Waiting { seen, delay_ns: None, by_bytes: false, accounted: 0, place: None };
        let at = match self.waiting.back() {
            Some((last, _)) if *last > key => self.waiting.partition_point(|(other, _)| *other < key),
            _ => self.waiting.len(),
        };
        self.waiting.insert(at, (key, waiting));
    }

    /// Takes in that frames of a departure died.
    pub fn died(&mut self, departure: Departure, frames: u32, death: &Death) {
        let Some(place) = drops::place_of(death, 0, self.in_driver) else { return };
        if let Some(sent) = self.find(departure) {
            sent.place.get_or_insert(place).frames += u64::from(frames);
            sent.accounted = sent.accounted.saturating_add(frames);
        }
    }

    /// Whether a departure has been waiting for longer than the timeout, all records until `horizon_ns` having been taken in.
    pub fn is_overdue(&self, horizon_ns: u64) -> bool {
        self.waiting.front().is_some_and(|(key, waiting)| {
            !waiting.is_settled() && key.at_ns.saturating_add(self.timeout_ns + self.slack_ns) <= horizon_ns
        })
    }

    /// The oldest frame, once its fate is known, and no earlier one can turn up. Times stay those of CLOCK_MONOTONIC.
    pub fn next(&mut self, horizon_ns: u64, knowledge: Knowledge) -> Option<Sample> {
        let (key, waiting) = self.waiting.front()?;
        let is_overdue = key.at_ns.saturating_add(self.timeout_ns + self.slack_ns) <= horizon_ns;
        let is_known = waiting.is_settled() && key.at_ns.saturating_add(SETTLE_NS) <= horizon_ns;
        if is_known || is_overdue || self.bytes > MOST_BYTES {
            let (_, waiting) = self.waiting.pop_front()?;
            self.bytes -= waiting.seen.bytes.len() + OVERHEAD;
            return Some(waiting.sample(is_overdue, knowledge));
        }
        None
    }

    /// The oldest frame after all has been taken in that ever will; what is open then is known to be lost only if it is
    /// overdue.
    pub fn last(&mut self, now_ns: u64, knowledge: Knowledge) -> Option<Sample> {
        let (key, waiting) = self.waiting.pop_front()?;
        Some(waiting.sample(key.at_ns.saturating_add(self.timeout_ns) <= now_ns, knowledge))
    }

    fn find(&mut self, Departure { from, at_ns, cpu }: Departure) -> Option<&mut Waiting> {
        let key = |cpu, serial| Key { at_ns, point: Point::Sent, from, cpu, serial };
        let (first, last) = (key(cpu.unwrap_or(0), 0), key(cpu.unwrap_or(u32::MAX), u64::MAX));
        let at = self.waiting.partition_point(|(key, _)| *key < first);
        self.waiting.get_mut(at).filter(|(key, _)| *key <= last).map(|(_, waiting)| waiting)
    }
}

impl Waiting {
    fn is_settled(&self) -> bool {
        self.seen.point == Point::Received || self.by_bytes || self.accounted >= self.seen.frames
    }

    fn sample(self, is_overdue: bool, knowledge: Knowledge) -> Sample {
        let fate = if self.seen.point == Point::Received {
            self.seen.arrival()
        } else if let Some(Dropped { stage, reason, location, frames }) = self.place {
            let frames = u32::try_from(frames).unwrap_or(u32::MAX).min(self.seen.frames);
            Fate::Dropped { stage, reason, location, frames }
        } else if self.by_bytes || self.accounted >= self.seen.frames {
            self.delay_ns.map_or(Fate::Unknown, |delay_ns| Fate::Delivered { delay_ns })
        } else if is_overdue
            && knowledge.may_be_lost[self.seen.from]
            && self.seen.at_ns > knowledge.ring_lost_until_ns[self.seen.from]
        {
            Fate::Lost { frames: self.seen.frames - self.accounted }
        } else {
            Fate::Unknown
        };
        self.seen.sample(fate)
    }
}
