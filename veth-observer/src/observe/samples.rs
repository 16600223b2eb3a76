//! Frames out of the sample ring.

use std::time::Duration;

use anyhow::Result;

use super::Observation;
use crate::model::{
    reading::Reading,
    sample::{Sample, Sampled},
};

/// How often to look for a frame that is waited for.
const ARRIVING: Duration = Duration::from_millis(1);

/// Looks without a pause before that: a frame on an idle pair is there within microseconds.
const EAGER_LOOKS: u32 = 100;

impl Observation {
    /// Samples written since the last call, oldest first, at most `most`.
    pub fn samples(&mut self, most: usize) -> Vec<Sample> {
        self.samples.as_mut().map_or_else(Vec::new, |samples| samples.take(most))
    }

    /// Waits for a frame of exactly these bytes from an end (0 or 1) to be sampled at the other; other samples are dropped.
    /// Takes a sampling rate of 1 and a snap length no shorter than the frame.
    pub async fn arrival(&mut self, from: usize, frame: &[u8], timeout: Duration) -> Result<Option<Sample>> {
        let deadline = tokio::time::Instant::now() + timeout;
        let mut looks = 0;
        loop {
            let last = tokio::time::Instant::now() >= deadline || self.ended().is_some();
            while let Some(sample) = self.samples(1).pop() {
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
        // What a stamp says is that a frame was not chosen; why, is known where it is not for the rate.
        let by_filter_alone = self
            .settings
            .sampling
            .as_ref()
            .is_some_and(|sampling| sampling.rate == 1 && sampling.filter.is_some());
        for (from, Reading { received, .. }) in self.read()?.iter().enumerate() {
            let at = &mut sampled[1 - from];
            at.taken += received.sampled;
            at.filtered += received.filtered;
            at.lost += received.sample_lost;
            let why = if by_filter_alone { &mut at.filtered } else { &mut at.skipped };
            *why += received.skipped;
        }
        Ok(sampled)
    }
}
