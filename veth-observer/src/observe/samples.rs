//! Frames out of the sample ring, and what became of them.

use std::time::Duration;

use anyhow::Result;

use super::{Observation, placed};
use crate::{
    collect::{Samples, clock},
    delivery::{Fates, Knowledge},
    model::{
        reading::Reading,
        report::Matching,
        sample::{Record, Sample, Sampled},
    },
};

/// How often to look for a frame that is waited for.
const ARRIVING: Duration = Duration::from_millis(1);

/// Looks without a pause before that: a frame on an idle pair is there within microseconds.
const EAGER_LOOKS: u32 = 100;

/// Records to take in one go, so that a flood keeps nobody from doing anything else.
const BATCH: usize = 1 << 16;

/// Samples that a caller is given room for at once.
const ROOM: usize = 64;

/// The ring, and the frames out of it that wait for their fate; those only when departures are sampled too.
pub(super) struct Sampler {
    ring: Samples,
    fates: Option<Fates>,
    knowledge: Knowledge,
    /// Records that the ring lost, by direction.
    ring_lost: [u64; 2],
    /// All that was written before has been taken.
    horizon_ns: u64,
}

impl Sampler {
    pub(super) fn new(ring: Samples, fates: Option<Fates>) -> Self {
        Self { ring, fates, knowledge: Knowledge::default(), ring_lost: [0; 2], horizon_ns: 0 }
    }

    fn next(&mut self, is_last: bool) -> Option<Sample> {
        let fates = self.fates.as_mut()?;
        if is_last {
            fates.last(self.horizon_ns, self.knowledge)
        } else {
            fates.next(self.horizon_ns, self.knowledge)
        }
    }

    /// Gives what is known until there are `most`.
    fn give(&mut self, samples: &mut Vec<Sample>, most: usize, is_last: bool) {
        while samples.len() < most {
            let Some(sample) = self.next(is_last) else { return };
            samples.push(sample);
        }
    }

    /// Notices what the ring lost until now.
    pub(super) fn notice(&mut self, readings: &[Reading; 2]) {
        for (direction, Reading { sent, received, after_ns, .. }) in readings.iter().enumerate() {
            let lost = sent.sampling.lost + sent.deaths_lost + received.sampling.lost;
            if lost > std::mem::replace(&mut self.ring_lost[direction], lost) {
                self.knowledge.ring_lost_until_ns[direction] = *after_ns;
            }
        }
    }
}

/// Where arrivals alone are sampled, each tells its own fate.
fn arrived(record: Record) -> Option<Sample> {
    let Record::Seen(seen) = record else { return None };
    let fate = seen.arrival();
    Some(seen.sample(fate))
}

impl Observation {
    /// Frames sampled since the last call, in the order of time, at most `most`. Where departures are sampled too, each is
    /// given once its fate is known; after [`Observation::finish`] all are.
    pub fn samples(&mut self, most: usize) -> Result<Vec<Sample>> {
        let Some(mut sampler) = self.sampler.take() else { return Ok(Vec::new()) };
        let taken = self.samples_of(&mut sampler, most);
        self.sampler = Some(sampler);
        // Asked anew each time, so that a step of the wall clock shows.
        let offset = clock::wall_offset_ns();
        let at = |sample: Sample| Sample { at_ns: sample.at_ns.wrapping_add(offset), ..sample };
        Ok(taken?.into_iter().map(at).collect())
    }

    fn samples_of(&mut self, sampler: &mut Sampler, most: usize) -> Result<Vec<Sample>> {
        let mut ready = Vec::with_capacity(most.min(ROOM));
        // What is known is given before more is taken out, so that a caller who is slow fills the ring and not our memory.
        sampler.give(&mut ready, most, false);
        let Some(fates) = &mut sampler.fates else {
            sampler.ring.take(most, |record| {
                ready.extend(arrived(record));
                Ok(())
            })?;
            return Ok(ready);
        };
        if ready.len() == most {
            return Ok(ready);
        }
        let until_ns = sampler.ring.take(BATCH, |record| {
            match record {
                Record::Seen(seen) => {
                    sampler.horizon_ns = sampler.horizon_ns.max(seen.at_ns);
                    fates.seen(seen);
                }
                Record::Died(died) => {
                    if let Some(mut deaths) = self.deaths.as_deref().map(placed::lock) {
                        fates.died(died.departure, died.frames, &deaths.at(&died.place)?);
                    }
                }
            }
            Ok(())
        })?;
        sampler.horizon_ns = until_ns.unwrap_or(sampler.horizon_ns);
        if fates.is_overdue(sampler.horizon_ns) || self.finished {
            let readings = self.read()?;
            sampler.notice(&readings);
            let report = self.report_from(&readings)?;
            sampler.knowledge.may_be_lost = report.pairs[0]
                .directions
                .each_ref()
                .map(|direction| direction.lost > 0 && direction.matching != Matching::Digest);
        }
        let is_last = self.finished && until_ns.is_some();
        sampler.give(&mut ready, most, is_last);
        Ok(ready)
    }

    /// Waits for a frame of exactly these bytes from an end (0 or 1) to be sampled at the other; other samples are dropped.
    /// Takes a sampling rate of 1 and a snap length no shorter than the frame.
    pub async fn arrival(&mut self, from: usize, frame: &[u8], timeout: Duration) -> Result<Option<Sample>> {
        let deadline = tokio::time::Instant::now() + timeout;
        let mut looks = 0;
        loop {
            let last = tokio::time::Instant::now() >= deadline || self.ended().is_some();
            while let Some(sample) = self.samples(1)?.pop() {
                if sample.from == from && sample.bytes == frame {
                    return Ok(Some(sample));
                }
            }
            if last {
                return Ok(None);
            }
            looks += 1;
            if looks < EAGER_LOOKS {
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(ARRIVING).await;
            }
        }
    }

    /// What sampling did so far at each end.
    pub fn sampled(&mut self) -> Result<[Sampled; 2]> {
        let mut sampled = [Sampled::default(); 2];
        for (from, Reading { sent, received, .. }) in self.read()?.iter().enumerate() {
            for (end, counted) in [(from, sent.sampling), (1 - from, received.sampling)] {
                let at = &mut sampled[end];
                at.taken += counted.taken;
                at.skipped += counted.skipped;
                at.filtered += counted.filtered;
                at.lost += counted.lost;
            }
        }
        Ok(sampled)
    }
}
