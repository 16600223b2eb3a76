//! What is counted beside the ledger: probe frames, and frames on their way.

use anyhow::{Context, Result};
use aya::maps::{MapData, PerCpuArray};
use veth_observer_common::{
    probes::Probes,
    slot,
    stages::{self, Stages},
};

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

/// Adds where the frames of both directions were on their way, traffic and probes.
pub fn read_stages(map: &PerCpuArray<MapData, Stages>, readings: &mut [Reading; 2]) -> Result<()> {
    for (direction, reading) in (0..).zip(readings) {
        let mut of_both = Box::new([Stages::ZERO; 2]);
        for (stages, probes) in of_both.iter_mut().zip([false, true]) {
            let index = stages::index(direction, probes);
            for value in map.get(&index, 0).context("cannot read the stages")?.iter() {
                stages.merge(value);
            }
        }
        reading.stages = Some(of_both);
    }
    Ok(())
}
