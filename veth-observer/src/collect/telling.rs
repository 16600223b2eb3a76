//! Frames that died, out of the ring, until somebody takes them.

use std::collections::{BTreeMap, VecDeque};

use anyhow::{Context, Result};
use aya::maps::PerCpuValues;
use veth_observer_common::{drops::Told, slot};

use super::decode::decode;
use crate::{
    kernel,
    model::sample::{Died, Record},
};

/// Records that are taken in one go: more than the ring has room for, and so few that a flood keeps nobody from anything else.
const BATCH: usize = 1 << 13;

/// The last frames that died in each direction of several pairs.
pub(super) struct Telling {
    kernel: kernel::Telling,
    /// By slot; no more than are told at a time.
    last: BTreeMap<u32, VecDeque<Died>>,
}

impl Telling {
    pub(super) fn new(kernel: kernel::Telling) -> Self {
        Self { kernel, last: BTreeMap::new() }
    }

    /// Empties the ring.
    pub(super) fn look(&mut self) {
        for _ in 0..BATCH {
            let Some(record) = self.kernel.ring.next() else { return };
            let Some(Record::Died(died)) = decode(&record) else { continue };
            let last = self.last.entry(died.place.slot).or_default();
            if last.len() >= self.kernel.most as usize {
                last.pop_front();
            }
            last.push_back(died);
        }
    }

    /// What came of a slot since this was called last, the oldest first.
    pub(super) fn take(&mut self, slot: u32) -> VecDeque<Died> {
        self.last.remove(&slot).unwrap_or_default()
    }

    /// How many of the dead of a slot were told.
    pub(super) fn told(&self, slot: u32) -> Result<Told> {
        let mut told = Told::NONE;
        let values = self.kernel.told.get(&slot, 0).context("cannot read how many dead frames were told")?;
        values.iter().for_each(|value| told.merge(value));
        Ok(told)
    }

    /// Forgets what died of a pair that had its place in the maps.
    pub(super) fn forget(&mut self, pair: u32) -> Result<()> {
        self.look();
        for slot in [0, 1].map(|direction| slot(pair, direction)) {
            let cpus = self.kernel.told.get(&slot, 0)?.len();
            let none = PerCpuValues::try_from(vec![Told::NONE; cpus])?;
            self.kernel.told.set(slot, none, 0).context("cannot clear how many dead frames were told")?;
            self.last.remove(&slot);
        }
        Ok(())
    }
}
