//! Following all pairs as they come, change and go.
//!
//! What changed is the difference between two looks.

use std::time::Duration;

use anyhow::Result;

use super::{changes::between, inhabitants::Inhabitants, snapshot::Snapshot, watch::Watch};
use crate::{
    model::{
        change::{Change, Event},
        link::Pair,
    },
    netns::{self, Scan},
    owners::Owners,
};

/// How many of these rounds pass between two looks at who lives there: a container may be renamed, or get a companion,
/// and no namespace changes.
const OWNER_ROUNDS: u32 = 4;
/// How often to look for namespaces that came or went. They send no message; holding a connection to one that was
/// deleted would keep it, and its pairs, alive.
const ROUND: Duration = Duration::from_millis(500);

/// A watch over all pairs.
pub struct Follower {
    watch: Watch,
    round: tokio::time::Interval,
    pairs: Vec<Pair>,
    owners: Owners,
    rounds: u32,
}

impl Follower {
    /// Begins to follow; also gives what is there already.
    pub async fn start() -> Result<(Self, Vec<Change>)> {
        let mut round = tokio::time::interval(ROUND);
        round.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut follower =
            Self { watch: Watch::default(), round, pairs: Vec::new(), owners: Owners::default(), rounds: 0 };
        // Listening comes before the first look, so that nothing falls between.
        follower.watch.listen(&netns::scan_others());
        follower.pairs = look(&mut follower.owners).await?;
        let present = follower.pairs.iter().map(|pair| Change { event: Event::Present, pair: pair.clone() });
        let present = present.collect();
        Ok((follower, present))
    }

    /// Waits for the next changes.
    pub async fn next(&mut self) -> Result<Vec<Change>> {
        loop {
            self.wait().await;
            let pairs = look(&mut self.owners).await?;
            let changes = between(&self.pairs, &pairs);
            self.pairs = pairs;
            if !changes.is_empty() {
                return Ok(changes);
            }
        }
    }

    /// Returns when it is worth looking.
    async fn wait(&mut self) {
        loop {
            tokio::select! {
                () = self.watch.hint() => {
                    self.watch.settle().await;
                    return;
                }
                _ = self.round.tick() => {
                    let scan = netns::scan_others();
                    let are_others = self.watch.listen(&scan);
                    self.rounds += 1;
                    if are_others || (self.rounds.is_multiple_of(OWNER_ROUNDS) && self.have_owners_changed(&scan)) {
                        return;
                    }
                }
            }
        }
    }

    fn have_owners_changed(&mut self, scan: &Scan) -> bool {
        Inhabitants::of(self.pairs.iter()).differ(scan, &mut self.owners)
    }
}

async fn look(owners: &mut Owners) -> Result<Vec<Pair>> {
    let snapshot = Snapshot::take_others(owners).await?;
    Ok(snapshot.pairs().into_iter().map(|sighting| sighting.pair).collect())
}
