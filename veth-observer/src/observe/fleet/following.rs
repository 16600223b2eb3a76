//! Pairs as they come, move, are renamed and go.

use std::collections::{BTreeMap, HashSet};

use tracing::{debug, warn};

use super::{Done, Fleet, Member, Selection, budget, collecting::state, failure::Failure};
use crate::topology::{PairKey, Seen, Selected};

impl Fleet {
    /// Takes over what was seen.
    pub(super) async fn follow(&mut self, seen: Vec<Seen>) {
        self.has_looked = true;
        self.seen = seen.into_iter().map(|seen| (seen.key(), seen)).collect();
        let ids: Vec<u64> = self.members.keys().copied().collect();
        for id in ids {
            let Some(member) = self.members.get_mut(&id) else { continue };
            let Some(seen) = member.find(&self.seen) else {
                self.miss(id).await;
                continue;
            };
            if member.observation.observed != [true; 2] && seen.can_be_entered() == [true; 2] {
                member.observation.end("both its ends can be observed now");
                self.conclude(id);
                continue;
            }
            member.key = seen.key();
            if member.observation.renew(&seen.pair) {
                self.events.renamed += 1;
            }
        }
        self.select();
    }

    /// Observes these pairs from now on. What both selections mean goes on as it was.
    pub fn reselect(&mut self, selection: Selection) {
        self.settings.selection = budget::affordable(selection);
        self.select();
        self.work();
    }

    fn select(&mut self) {
        let selection = &self.settings.selection;
        let selected = self.seen.iter().filter(|(_, seen)| selection.takes(&seen.pair));
        self.selected = selected.map(|(key, _)| *key).collect();
        self.waiting.retain(|key| self.selected.contains(key));
        self.part();
        self.choose();
    }

    /// A pair under observation, for another observation beside it; none where it ended, or cannot be reached just now.
    pub fn selected(&self, id: u64) -> Option<Selected> {
        let member = self.members.get(&id)?;
        let Seen { pair, addresses: [Some(first), Some(second)] } = self.seen.get(&member.key)? else {
            return None;
        };
        let mut selected = Selected { pair: pair.clone(), namespaces: [first.open()?, second.open()?] };
        let is_turned =
            PairKey::of(pair) != member.key || pair.ends[0].ifindex != member.observation.ends[0].ifindex;
        if is_turned {
            selected.pair.ends.reverse();
            selected.namespaces.reverse();
        }
        Some(selected)
    }

    /// A pair that is not where it was: it moved, ended, or was hidden for a moment.
    async fn miss(&mut self, id: u64) {
        let Some(member) = self.members.get_mut(&id) else { return };
        if member.observation.ended().is_none() {
            member.observation.follow().await;
        }
        if member.observation.ended().is_some() {
            return self.conclude(id);
        }
        let now = member.observation.key();
        if now != std::mem::replace(&mut member.key, now) {
            self.events.moved += 1;
        }
    }

    /// Decides what to attach next.
    pub(super) fn choose(&mut self) {
        self.queue.clear();
        let max_pairs = self.settings.selection.max_pairs;
        let observed: HashSet<PairKey> = self.members.values().map(|member| member.key).collect();
        // Those that are out of sight: an end of theirs may have moved just now.
        let lost: Vec<PairKey> =
            observed.iter().filter(|key| !self.seen.contains_key(key)).copied().collect();
        let mut room = max_pairs.saturating_sub(self.members.len().saturating_add(self.under_way.len()));
        let (mut over, mut unreachable) = (0, Vec::new());
        self.half_seen = 0;
        for key in &self.selected {
            let Some(seen) = self.seen.get(key) else { continue };
            let is_half_lost = || lost.iter().any(|lost| lost.shares_end(key));
            // It may have changed meanwhile.
            let is_under_way = || self.under_way.iter().any(|other| other == key || other.shares_end(key));
            if observed.contains(key) || is_under_way() || is_half_lost() {
                continue;
            }
            if room == 0 {
                over += 1;
                continue;
            }
            let can_be_entered = seen.can_be_entered();
            if can_be_entered != [true; 2] && self.waiting.begin(*key) {
                self.half_seen += 1;
            } else if !self.waiting.is_due(key) {
                self.half_seen += usize::from(!self.waiting.has_failed(key));
            } else if can_be_entered == [false; 2] {
                unreachable.push(*key);
            } else {
                room -= 1;
                self.queue.push_back(*key);
            }
        }
        self.known = self.selected.len() as u64;
        self.over_limit = over;
        for key in unreachable {
            self.fail(key, Failure::Unreachable);
        }
    }

    /// An attach came to its end.
    pub(super) fn adopt(&mut self, done: Done) {
        let Done { key, result } = done;
        self.under_way.remove(&key);
        match result {
            // Somebody moved to where we had just come.
            Ok(observation) if self.members.values().any(|member| member.key == observation.key()) => {
                self.leaving.push(*observation);
            }
            Ok(observation) => {
                self.waiting.remove(&key);
                self.events.added += 1;
                let id = self.next_id;
                self.next_id += 1;
                self.members.insert(id, Member { key: observation.key(), observation, parting: None });
                // Meanwhile others may have been asked for.
                self.part();
            }
            Err(failure) => self.fail(key, failure),
        }
    }

    fn fail(&mut self, key: PairKey, failure: Failure) {
        let word = failure.word();
        debug!(?key, reason = word, "a pair cannot be observed");
        *self.errors.entry(word.to_owned()).or_default() += 1;
        self.waiting.fail(key);
    }

    /// Keeps the last report of a pair that ended, and takes off what is left of it.
    pub(super) fn conclude(&mut self, id: u64) {
        let Some(mut member) = self.members.remove(&id) else { return };
        if let Err(error) = self.blocks.look() {
            debug!("{error:#}");
        }
        match member.observation.conclude() {
            Ok(report) => {
                let state = state(id, &member.observation);
                self.remember(state, report, member.observation.last_drops());
            }
            Err(error) => warn!("the last counts of a pair cannot be read: {error:#}"),
        }
        self.costs_of_gone.add(&member.observation);
        self.events.removed += 1;
        self.leaving.push(*member.observation);
    }
}

impl Member {
    /// The pair as it was seen: where one end is out of reach, what is known of that may have changed.
    fn find<'a>(&self, seen: &'a BTreeMap<PairKey, Seen>) -> Option<&'a Seen> {
        let by_end = || seen.values().find(|seen| seen.key().shares_end(&self.key));
        let is_whole = self.observation.observed == [true; 2];
        seen.get(&self.key).or_else(|| if is_whole { None } else { by_end() })
    }
}
