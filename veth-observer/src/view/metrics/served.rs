//! Which pairs an exposition holds, under which labels, and counts that never fall.
//!
//! A pair that ended is served once more and then no longer. A label belongs to one pair at a time: while a pair that ended
//! is still to be served, its namesake waits for the next exposition, whose counts then begin anew.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    model::{
        driver::DriverCounts,
        report::{DirectionReport, PairReport},
        snapshot::{PairState, Snapshot},
    },
    view::escape,
};

/// One pair of an exposition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// Where it stands in the snapshot.
    pub at: usize,
    /// Its label `pair`.
    pub label: String,
    pub counts: [Counts; 2],
}

/// Counts of one direction that are taken back when more is known, as counters that only rise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub lost: Rising,
    pub unmatched: Rising,
    driver: [Rising; 5],
}

impl Counts {
    fn follow(&mut self, direction: &DirectionReport) {
        self.lost.follow(direction.lost);
        self.unmatched.follow(direction.unmatched);
        let driver = direction.driver.as_ref().map(driver_counts).unwrap_or_default();
        for (rising, (_, count)) in self.driver.iter_mut().zip(driver) {
            rising.follow(count);
        }
    }

    /// By the driver's names.
    pub fn driver(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let names = driver_counts(&DriverCounts::default()).map(|(name, _)| name);
        names.into_iter().zip(self.driver.map(|rising| rising.total))
    }
}

fn driver_counts(driver: &DriverCounts) -> [(&'static str, u64); 5] {
    [
        ("xdp_drops", driver.xdp_drops),
        ("xdp_tx", driver.xdp_tx),
        ("xdp_tx_errors", driver.xdp_tx_errors),
        ("xdp_redirect", driver.xdp_redirect),
        ("drops", driver.drops),
    ]
}

/// All that a number ever rose, and all that it ever fell: what it is now is the difference.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rising {
    now: u64,
    pub total: u64,
    pub taken_back: u64,
}

impl Rising {
    fn follow(&mut self, now: u64) {
        self.total += now.saturating_sub(self.now);
        self.taken_back += self.now.saturating_sub(now);
        self.now = now;
    }
}

/// What earlier expositions said, as far as the next depends on it. By the id of a pair's observation.
#[derive(Debug, Default)]
pub struct Register {
    counts: BTreeMap<u64, [Counts; 2]>,
    /// Ended, and served since.
    done: BTreeSet<u64>,
    /// Of these, those that were served just now.
    fresh: Vec<u64>,
    /// The name that a pair wanted, and the label that it has.
    labels: BTreeMap<u64, (String, String)>,
}

impl Register {
    /// The pairs of the next exposition.
    pub fn serve(&mut self, snapshot: &Snapshot) -> Vec<Served> {
        let present: BTreeSet<u64> = snapshot.agent.observed.iter().map(|state| state.id).collect();
        self.fresh.clear();
        self.done.retain(|id| present.contains(id));
        self.counts.retain(|id, _| present.contains(id));
        self.labels.retain(|id, _| present.contains(id));
        let mut pairs: Vec<(usize, &PairReport, &PairState)> = snapshot
            .pairs()
            .enumerate()
            .filter(|(_, (_, state))| !self.done.contains(&state.id))
            .map(|(at, (pair, state))| (at, pair, state))
            .collect();
        // Those that ended first, so that their labels are free for others from the next exposition on.
        pairs.sort_by_key(|(_, pair, state)| (pair.ended.is_none(), state.id));
        let mut taken = BTreeSet::new();
        let mut ending = BTreeSet::new();
        let mut served = Vec::new();
        for (at, pair, state) in pairs {
            let name = escape::name(&pair.pair);
            if pair.ended.is_none() && ending.contains(name.as_ref()) {
                continue;
            }
            let label = self.label(state.id, &name, &taken);
            if pair.ended.is_some() {
                self.done.insert(state.id);
                self.fresh.push(state.id);
                ending.insert(name.into_owned());
            }
            taken.insert(label.clone());
            let counts = self.counts.entry(state.id).or_default();
            for (counts, direction) in counts.iter_mut().zip(&pair.directions) {
                counts.follow(direction);
            }
            served.push(Served { at, label, counts: *counts });
        }
        served
    }

    /// What was served last reached nobody: the pairs that ended are to be served again.
    pub fn missed(&mut self) {
        for id in self.fresh.drain(..) {
            self.done.remove(&id);
        }
    }

    /// The name, or where another has it, the name and the id. Once given it stays.
    fn label(&mut self, id: u64, name: &str, taken: &BTreeSet<String>) -> String {
        if let Some((wanted, label)) = self.labels.get(&id)
            && wanted == name
            && !taken.contains(label)
        {
            return label.clone();
        }
        let others: BTreeSet<&str> = self
            .labels
            .iter()
            .filter(|(other, _)| **other != id && !self.done.contains(other))
            .map(|(_, (_, label))| label.as_str())
            .collect();
        let is_free = |label: &str| !taken.contains(label) && !others.contains(label);
        let mut label = name.to_owned();
        while !is_free(&label) {
            label = if label == name { format!("{name}#{id}") } else { format!("{label}'") };
        }
        self.labels.insert(id, (name.to_owned(), label.clone()));
        label
    }
}
