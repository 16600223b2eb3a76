//! What died, by place, with the names that this kernel gives to reasons and functions.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::{Context, Result};
use veth_observer_common::{
    DIRECTIONS,
    drops::{Dead, Place, device},
    slot,
};

use crate::{
    kernel::{Drops, reason_names, symbols},
    model::death::{Death, Side},
};

/// Reads the drops of pairs. Names are looked up when there is a first drop to name, and kept.
pub struct Deaths {
    drops: Drops,
    reasons: Option<BTreeMap<u32, String>>,
    functions: HashMap<u64, Option<String>>,
}

impl Deaths {
    pub fn new(drops: Drops) -> Self {
        Self { drops, reasons: None, functions: HashMap::new() }
    }

    /// What has died so far in both directions of a pair. What dies while this is read is in it wholly or not at all.
    pub fn read(&mut self, pair: u32) -> Result<[(Dead, Vec<Death>); 2]> {
        let mut places: Vec<(Place, Dead)> = Vec::new();
        for entry in &self.drops.places {
            let (place, values) = entry.context("cannot read where frames died")?;
            let mut dead = Dead::NONE;
            values.iter().for_each(|value| dead.merge(value));
            places.push((place, dead));
        }
        self.name(&places)?;
        let mut tolls = [(Dead::NONE, Vec::new()), (Dead::NONE, Vec::new())];
        for direction in 0..DIRECTIONS {
            let slot = slot(pair, direction);
            let (sum, deaths) = &mut tolls[direction as usize];
            for (place, dead) in places.iter().filter(|(place, _)| place.slot == slot) {
                sum.merge(dead);
                deaths.push(self.death(place, dead));
            }
            let mut unplaced = Dead::NONE;
            let values = self.drops.unplaced.get(&slot, 0).context("cannot read how many frames died")?;
            values.iter().for_each(|value| unplaced.merge(value));
            if unplaced != Dead::NONE {
                sum.merge(&unplaced);
                deaths.push(Death { frames: unplaced.frames(), ..Death::UNPLACED });
            }
        }
        Ok(tolls)
    }

    /// Looks up what has no name yet.
    fn name(&mut self, places: &[(Place, Dead)]) -> Result<()> {
        if self.reasons.is_none() && self.drops.has_reasons && !places.is_empty() {
            self.reasons = Some(reason_names()?);
        }
        let addresses = places.iter().map(|(place, _)| place.location);
        let unknown: HashSet<u64> =
            addresses.filter(|address| !self.functions.contains_key(address)).collect();
        if !unknown.is_empty() {
            let unknown: Vec<u64> = unknown.into_iter().collect();
            let functions = symbols::functions(&unknown)?;
            self.functions.extend(unknown.into_iter().zip(functions));
        }
        Ok(())
    }

    fn death(&self, place: &Place, dead: &Dead) -> Death {
        let reason = self.reasons.as_ref().map(|names| {
            names.get(&place.reason).cloned().unwrap_or_else(|| format!("reason {}", place.reason))
        });
        Death {
            reason,
            function: self.functions.get(&place.location).cloned().flatten(),
            address: place.location,
            device: match place.device {
                device::SENDING => Side::Sending,
                device::RECEIVING => Side::Receiving,
                _ => Side::Unknown,
            },
            frames: dead.frames(),
        }
    }
}
