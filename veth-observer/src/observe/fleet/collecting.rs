//! The ledgers of all pairs at one moment.

use std::time::Instant;

use tracing::{debug, warn};

use super::{super::Observation, ENDED, Ended, Fleet, REMEMBERED};
use crate::{
    collect::clock,
    model::{
        drop::LastDrops,
        link::Pair,
        report::{PairReport, Report},
        snapshot::{AgentState, PairState, RingState, Snapshot},
    },
};

impl Fleet {
    /// What is known now, pairs that ended of late included.
    pub fn snapshot(&mut self) -> Snapshot {
        let taken_ns = clock::monotonic_ns();
        let (mut pairs, mut observed, mut last_drops) = (Vec::new(), Vec::new(), Vec::new());
        let mut reports = self.collect();
        self.name(&mut reports);
        for (id, report) in reports {
            // It comes below, with its last numbers.
            if report.ended.is_some() {
                self.conclude(id);
                continue;
            }
            let Some(member) = self.members.get(&id) else { continue };
            pairs.push(report);
            observed.push(state(id, &member.observation));
            last_drops.push(member.observation.last_drops().clone());
        }
        for ended in &self.ended {
            pairs.push(ended.report.clone());
            observed.push(ended.state);
            last_drops.push(ended.last_drops.clone());
        }
        let (ready, programs) = (self.readiness(), self.costs());
        let agent = AgentState {
            taken_unix_ns: taken_ns.wrapping_add(clock::wall_offset_ns()),
            took_ns: clock::monotonic_ns() - taken_ns,
            started_ns: self.started_ns,
            loss_timeout_ns: u64::try_from(self.settings.loss_timeout.as_nanos()).unwrap_or(u64::MAX),
            ready,
            pairs: self.known,
            pairs_over_limit: self.over_limit,
            events: self.events,
            attach_errors: self.errors.clone(),
            observed,
            programs,
            last_drops,
            ring: self.ring(),
            ..AgentState::new(taken_ns)
        };
        Snapshot { report: Report::new(pairs), agent }
    }

    /// Whether the pairs of the beginning are observed, and since then any that there is; else why not.
    fn readiness(&mut self) -> Result<(), String> {
        self.has_settled |= self.is_settled();
        let reasons: Vec<&str> = self.errors.keys().map(String::as_str).collect();
        if !self.has_looked {
            Err("still looking for pairs".to_owned())
        } else if !self.has_settled {
            let open = self.queue.len() + self.under_way.len() + self.half_seen;
            Err(format!("{open} of {} pairs are yet to be attached to", self.known))
        } else if self.known > 0 && self.members.is_empty() && self.is_settled() && !reasons.is_empty() {
            Err(format!("no pair could be observed: {}", reasons.join(", ")))
        } else {
            Ok(())
        }
    }

    /// Looks at the ledgers, which must be done now and then, and forgets what is long over.
    pub(super) fn tend(&mut self) {
        let reports = self.collect();
        let ended: Vec<u64> =
            reports.into_iter().filter(|(_, report)| report.ended.is_some()).map(|(id, _)| id).collect();
        for id in ended {
            self.conclude(id);
        }
        while self.ended.front().is_some_and(|ended| ended.since.elapsed() > REMEMBERED) {
            self.ended.pop_front();
        }
        if self.is_settled() {
            self.blocks.trim(|program| self.costs_of_gone.add_death(program));
        }
    }

    fn collect(&mut self) -> Vec<(u64, PairReport)> {
        if let Err(error) = self.blocks.look() {
            debug!("{error:#}");
        }
        let mut reports = Vec::with_capacity(self.members.len());
        for (id, member) in &mut self.members {
            match member.observation.report() {
                Ok(report) => reports.extend(report.pairs.into_iter().map(|report| (*id, report))),
                Err(error) => warn!("the counts of a pair cannot be read: {error:#}"),
            }
        }
        reports
    }

    /// Calls each pair so that it can be told from all others.
    fn name(&self, reports: &mut [(u64, PairReport)]) {
        let pairs: Vec<Pair> = reports.iter().map(|(_, report)| Pair { ends: report.ends.clone() }).collect();
        let names = self.settings.selection.aliases.names(&pairs);
        for ((_, report), name) in reports.iter_mut().zip(names) {
            report.pair = name;
        }
    }

    /// What the rings took of all pairs that there are and were.
    fn ring(&self) -> RingState {
        let living = self.members.values().flat_map(|member| member.observation.last_drops());
        living.fold(self.ring, |sum, last| sum.and(&last.told))
    }

    /// Keeps what is known of a pair that ended for a while.
    pub(super) fn remember(&mut self, state: PairState, report: Report, last_drops: &[LastDrops; 2]) {
        self.ring = last_drops.iter().fold(self.ring, |sum, last| sum.and(&last.told));
        for mut report in report.pairs {
            report.pair = self.settings.selection.aliases.name(&Pair { ends: report.ends.clone() });
            let (since, last_drops) = (Instant::now(), last_drops.clone());
            self.ended.push_back(Ended { since, state, report, last_drops });
        }
        while self.ended.len() > ENDED {
            self.ended.pop_front();
        }
    }
}

/// What is done with a pair: of one end alone, no frame is timed.
pub(super) fn state(id: u64, observation: &Observation) -> PairState {
    let observed = observation.observed;
    let timing_ratio = f64::from(u8::from(observed == [true; 2]));
    PairState { observed, timing_ratio, ..PairState::new(id) }
}
