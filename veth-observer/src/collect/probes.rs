//! What became of probe frames.

use anyhow::{Context, Result};
use veth_observer_common::{probes::Probes, slot};

use crate::{kernel::Probing, model::reading::Reading};

/// Adds the probes of both directions to the readings of one pair.
pub fn read_probes(probing: &Probing, readings: &mut [Reading; 2], pair: u32) -> Result<()> {
    for (direction, reading) in (0..).zip(readings) {
        let mut sum = Box::new(Probes::ZERO);
        let slot = slot(pair, direction);
        for value in probing.counts.get(&slot, 0).context("cannot read the probe counters")?.iter() {
            sum.merge(value);
        }
        reading.probes = Some(sum);
    }
    Ok(())
}
