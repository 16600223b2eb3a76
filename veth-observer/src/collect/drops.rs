//! What died, by place, with the names that this kernel gives to reasons and functions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context, Result};
use aya::maps::PerCpuValues;
use veth_observer_common::{
    DIRECTIONS,
    drops::{Dead, Place, Told, device},
    slot,
};

use super::telling::Telling;
use crate::{
    kernel::{
        Drops, reason_names,
        symbols::{self, Function},
    },
    model::{
        drop::{Death, Side},
        sample::Died,
    },
};

/// Reads the drops of pairs. Names are looked up when there is a first drop to name, and kept.
pub struct Deaths {
    drops: Drops,
    telling: Option<Telling>,
    /// As of the last look, by slot.
    places: BTreeMap<u32, Vec<(Place, Dead)>>,
    reasons: Option<BTreeMap<u32, String>>,
    functions: HashMap<u64, Option<Function>>,
}

impl Deaths {
    pub fn new(mut drops: Drops) -> Self {
        let telling = drops.telling.take().map(Telling::new);
        Self { drops, telling, places: BTreeMap::new(), reasons: None, functions: HashMap::new() }
    }

    /// Id of the program that sees them.
    pub fn program(&self) -> u32 {
        self.drops.program
    }

    /// Looks at what has died so far, of all pairs.
    pub fn look(&mut self) -> Result<()> {
        // First, so that all of them are in the counts.
        if let Some(telling) = &mut self.telling {
            telling.look();
        }
        let mut places: Vec<(Place, Dead)> = Vec::new();
        for entry in &self.drops.places {
            let (place, values) = entry.context("cannot read where frames died")?;
            places.push((place, sum(&values)));
        }
        self.name(&places)?;
        places.sort_unstable_by_key(|(place, _)| *place);
        self.places.clear();
        for (place, dead) in places {
            self.places.entry(place.slot).or_default().push((place, dead));
        }
        Ok(())
    }

    /// What had died at the last look in both directions of a pair, by place.
    pub fn of(&self, pair: u32) -> Result<[Vec<Death>; 2]> {
        let mut deaths = [Vec::new(), Vec::new()];
        for (direction, deaths) in (0..DIRECTIONS).zip(&mut deaths) {
            let slot = slot(pair, direction);
            let places = self.places.get(&slot).into_iter().flatten();
            deaths.extend(places.map(|(place, dead)| self.death(place, *dead)));
            let values = self.drops.unplaced.get(&slot, 0).context("cannot read how many frames died")?;
            let dead = sum(&values);
            if dead != Dead::NONE {
                deaths.push(Death { dead, ..Death::UNPLACED });
            }
        }
        Ok(deaths)
    }

    /// The frames that died in a slot since this was called last, as far as they were told, the oldest first, and where.
    pub fn take(&mut self, slot: u32) -> Result<Vec<(Death, Died)>> {
        let last = self.telling.as_mut().map(|telling| telling.take(slot)).unwrap_or_default();
        last.into_iter().map(|died| Ok((self.at(&died.place)?, died))).collect()
    }

    /// How many of the dead of a slot were told.
    pub fn told(&self, slot: u32) -> Result<Told> {
        self.telling.as_ref().map_or(Ok(Told::NONE), |telling| telling.told(slot))
    }

    /// Forgets what died of a pair that had its place in the maps.
    pub fn forget(&mut self, pair: u32) -> Result<()> {
        let slots = [0, 1].map(|direction| slot(pair, direction));
        let places: Vec<Place> = self.drops.places.keys().flatten().collect();
        for place in places.into_iter().filter(|place| slots.contains(&place.slot)) {
            self.drops.places.remove(&place).context("cannot clear where frames died")?;
        }
        for slot in slots {
            self.places.remove(&slot);
            let cpus = self.drops.unplaced.get(&slot, 0)?.len();
            let none = PerCpuValues::try_from(vec![Dead::NONE; cpus])?;
            self.drops.unplaced.set(slot, none, 0).context("cannot clear how many frames died")?;
        }
        self.telling.as_mut().map_or(Ok(()), |telling| telling.forget(pair))
    }

    /// What is known of a place, but for the frames that died there.
    pub fn at(&mut self, place: &Place) -> Result<Death> {
        self.name(&[(*place, Dead::NONE)])?;
        Ok(self.death(place, Dead::NONE))
    }

    /// Looks up what has no name yet.
    fn name(&mut self, places: &[(Place, Dead)]) -> Result<()> {
        if self.reasons.is_none() && self.drops.has_reasons && !places.is_empty() {
            self.reasons = Some(reason_names()?);
        }
        let addresses = places.iter().map(|(place, _)| place.location);
        let unknown: BTreeSet<u64> =
            addresses.filter(|address| !self.functions.contains_key(address)).collect();
        if !unknown.is_empty() {
            let mut functions = symbols::functions(&unknown)?.unwrap_or_default();
            self.functions.extend(unknown.into_iter().map(|address| (address, functions.remove(&address))));
        }
        Ok(())
    }

    fn death(&self, place: &Place, dead: Dead) -> Death {
        let reason = self.reasons.as_ref().map(|names| {
            names.get(&place.reason).cloned().unwrap_or_else(|| format!("reason {}", place.reason))
        });
        let function = self.functions.get(&place.location).and_then(Option::as_ref);
        Death {
            reason,
            function: function.map(|function| function.name.clone()),
            module: function.and_then(|function| function.module.clone()),
            address: place.location,
            side: match place.device {
                device::SENDING => Side::Sending,
                device::RECEIVING => Side::Receiving,
                _ => Side::Unknown,
            },
            dead,
        }
    }
}

fn sum(values: &PerCpuValues<Dead>) -> Dead {
    let mut sum = Dead::NONE;
    values.iter().for_each(|value| sum.merge(value));
    sum
}
