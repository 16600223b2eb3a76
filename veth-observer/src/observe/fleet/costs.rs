//! What the programs of all pairs cost, those of pairs that are gone included.

use super::{super::Observation, Fleet};
use crate::{
    kernel::{self, Runs},
    model::snapshot::ProgramCost,
};

/// By kind of program.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Costs {
    departure: Runs,
    arrival: Runs,
    death: Runs,
}

impl Costs {
    /// Adds what the programs of a pair have cost.
    pub(super) fn add(&mut self, observation: &Observation) {
        let [departure, arrival] = observation.attachment.programs();
        for program in departure {
            self.departure.add(program);
        }
        for program in arrival {
            self.arrival.add(program);
        }
        if let Some(deaths) = observation.deaths().filter(|_| observation.loaded.is_alone()) {
            self.death.add(deaths.program());
        }
    }

    /// Adds what the program of a block that is given back has cost.
    pub(super) fn add_death(&mut self, program: u32) {
        self.death.add(program);
    }
}

impl Fleet {
    /// As of now; none while the kernel does not count.
    pub(super) fn costs(&self) -> Vec<ProgramCost> {
        if !kernel::are_runs_counted() {
            return Vec::new();
        }
        let mut costs = self.costs_of_gone;
        for member in self.members.values() {
            costs.add(&member.observation);
        }
        for program in self.blocks.death_programs() {
            costs.add_death(program);
        }
        let Costs { departure, arrival, death } = costs;
        // Without the privilege to see them there are none.
        if departure.count + arrival.count + death.count == 0 {
            return Vec::new();
        }
        [("departure", departure), ("arrival", arrival), ("death", death)]
            .map(|(name, runs)| ProgramCost {
                program: name.to_owned(),
                runs: runs.count,
                run_time_ns: runs.ns,
            })
            .into()
    }
}
