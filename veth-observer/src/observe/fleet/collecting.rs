//! The ledgers of all pairs at one moment.

use std::time::Instant;

use tracing::{debug, warn};

use super::{super::Observation, ENDED, Fleet, REMEMBERED};
use crate::{
    collect::clock,
    model::{
        link::Pair,
        report::{PairReport, Report},
        snapshot::{AgentState, PairState, Snapshot},
    },
};

impl Fleet {
    /// What is known now, pairs that ended of late included.
    pub fn snapshot(&mut self) -> Snapshot {
        let taken_ns = clock::monotonic_ns();
        let (mut pairs, mut observed) = (Vec::new(), Vec::new());
        for (id, report) in self.collect() {
            // It comes below, with its last numbers.
            if report.ended.is_some() {
                self.conclude(id);
                continue;
            }
            pairs.push(report);
            observed.extend(self.members.get(&id).map(|member| state(id, &member.observation)));
        }
        for (_, state, report) in &self.ended {
            pairs.push(report.clone());
            observed.push(*state);
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
        while self.ended.front().is_some_and(|(since, ..)| since.elapsed() > REMEMBERED) {
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
        let pairs: Vec<Pair> = reports.iter().map(|(_, report)| Pair { ends: report.ends.clone() }).collect();
        let names = self.settings.selection.aliases.names(&pairs);
        for ((_, report), name) in reports.iter_mut().zip(names) {
            report.pair = name;
        }
        reports
    }

    /// Keeps the last report of a pair for a while.
    pub(super) fn remember(&mut self, state: PairState, report: Report) {
        for mut report in report.pairs {
            report.pair = self.settings.selection.aliases.name(&Pair { ends: report.ends.clone() });
            self.ended.push_back((Instant::now(), state, report));
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
