//! Pairs that could not be observed, and when to try again.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use crate::topology::PairKey;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);

#[derive(Default)]
pub(super) struct Waiting(HashMap<PairKey, (u32, Instant)>);

impl Waiting {
    /// Lets a pair that is new wait once; false for one that is known.
    pub(super) fn begin(&mut self, key: PairKey) -> bool {
        let is_new = !self.0.contains_key(&key);
        self.0.entry(key).or_insert_with(|| (0, Instant::now() + FIRST));
        is_new
    }

    /// Whether it was tried.
    pub(super) fn has_failed(&self, key: &PairKey) -> bool {
        self.0.get(key).is_some_and(|(tries, _)| *tries > 0)
    }

    /// Notes a failure: the pause doubles with each.
    pub(super) fn fail(&mut self, key: PairKey) {
        let (tries, next) = self.0.entry(key).or_insert((0, Instant::now()));
        *next = Instant::now() + FIRST.saturating_mul(1 << (*tries).min(16)).min(LONGEST);
        *tries += 1;
    }

    pub(super) fn is_due(&self, key: &PairKey) -> bool {
        self.0.get(key).is_none_or(|(_, next)| *next <= Instant::now())
    }

    /// Whether somebody waits whose time has come.
    pub(super) fn are_due(&self) -> bool {
        self.0.values().any(|(_, next)| *next <= Instant::now())
    }

    pub(super) fn remove(&mut self, key: &PairKey) {
        self.0.remove(key);
    }

    /// Forgets pairs that are no more.
    pub(super) fn retain(&mut self, is_there: impl Fn(&PairKey) -> bool) {
        self.0.retain(|key, _| is_there(key));
    }
}
