//! The last frames that died in each direction.

use std::sync::Arc;

use anyhow::Result;
use veth_observer_common::slot;

use super::Observation;
use crate::{
    collect::clock,
    delivery,
    model::{
        drop::{DroppedFrame, LastDrops},
        reading::Reading,
    },
};

impl Observation {
    /// The last frames that were seen to die, by direction, and what is told of the others; as of the last report. Empty
    /// unless [`super::Settings::last_drops`] asks for them.
    pub fn last_drops(&self) -> &[LastDrops; 2] {
        &self.last_drops
    }

    /// Takes over what was told of the dead since the last look.
    pub(super) fn notice_dead(&mut self, readings: &[Reading; 2]) -> Result<()> {
        if self.settings.last_drops == 0 {
            return Ok(());
        }
        let (in_driver, most) = (self.settings.hook.is_in_driver(), self.settings.last_drops as usize);
        let Some(mut deaths) = self.deaths.as_deref().map(super::placed::lock) else { return Ok(()) };
        // Asked anew each time, so that a step of the wall clock shows.
        let offset = clock::wall_offset_ns();
        for ((direction, reading), last) in (0..).zip(readings).zip(&mut self.last_drops) {
            if reading.deaths.is_empty() {
                continue;
            }
            let slot = slot(self.loaded.pair(), direction);
            last.told = deaths.told(slot)?;
            for (death, died) in deaths.take(slot)? {
                let frames = u64::from(died.frames);
                let Some(place) = delivery::place_of(&death, frames, in_driver) else { continue };
                if last.frames.len() >= most {
                    last.frames.pop_front();
                }
                last.frames.push_back(Arc::new(DroppedFrame {
                    at_ns: died.at_ns.wrapping_add(offset),
                    after_ns: died.at_ns.saturating_sub(died.departure.at_ns),
                    place,
                    len: died.len,
                    bytes: died.bytes,
                }));
            }
        }
        Ok(())
    }
}
