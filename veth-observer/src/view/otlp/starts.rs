//! When each count began.

use std::collections::BTreeMap;

use crate::model::snapshot::{ProcessState, Snapshot};

/// The beginnings of the agent and of each observation, in nanoseconds since the Unix epoch. Once said they stay, however the
/// clock on the wall is set: a receiver takes another one for a count that began anew.
#[derive(Debug, Default)]
pub struct Starts {
    agent: Option<u64>,
    /// By the id of the observation.
    pairs: BTreeMap<u64, u64>,
}

impl Starts {
    /// Learns of what is new, and forgets what is gone.
    pub fn follow(&mut self, snapshot: &Snapshot, process: &ProcessState) {
        self.agent.get_or_insert_with(|| nanoseconds(process.start_unix_seconds));
        let agent = &snapshot.agent;
        let wall = agent.taken_unix_ns.wrapping_sub(agent.taken_ns);
        let last = std::mem::take(&mut self.pairs);
        self.pairs = snapshot
            .pairs()
            .map(|(pair, state)| {
                let start = last.get(&state.id).copied();
                (state.id, start.unwrap_or_else(|| pair.started_ns.wrapping_add(wall)))
            })
            .collect();
    }

    /// Of the pair with this id, or of the agent.
    pub(super) fn of(&self, pair: Option<u64>) -> u64 {
        pair.map_or(self.agent, |id| self.pairs.get(&id).copied()).unwrap_or_default()
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time of this century")]
fn nanoseconds(seconds: f64) -> u64 {
    // From hundredths of a second, in which the kernel gives it: 64 bits of floating point have no more than 200 ns.
    (seconds * 100.0).round() as u64 * 10_000_000
}
