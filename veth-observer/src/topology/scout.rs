//! All pairs, seen again whenever something happened, for who observes them for days.
//!
//! It holds no namespace: one that is deleted must be able to go. It listens in each, and twice a second makes sure that the
//! namespace is still where it was found. A namespace that came is noticed by its name, by the pair that leads there, or at
//! the latest by a look around.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};

use super::{
    arrivals::Arrivals,
    changes::PairKey,
    inhabitants::Inhabitants,
    snapshot::{Sighting, Snapshot},
    watch::Watch,
};
use crate::{
    model::link::Pair,
    netns::{self, Address},
    owners::Owners,
};

/// How often to look for what no message tells of: namespaces that came, and containers that moved in or were renamed.
const ROUND: Duration = Duration::from_secs(10);
/// How many of these rounds pass between two looks that nothing asked for.
const ROUNDS: u32 = 6;
/// How often to make sure that namespaces are where they were.
const CHECK: Duration = Duration::from_millis(500);
/// Between two looks, of the time that the last one took; and at least and at most.
const REST: u32 = 3;
const SHORTEST_REST: Duration = Duration::from_millis(50);
const LONGEST_REST: Duration = Duration::from_millis(500);

/// A pair, and the way to the namespaces of its ends; none where they cannot be opened.
#[derive(Debug, Clone)]
pub struct Seen {
    pub pair: Pair,
    pub addresses: [Option<Address>; 2],
}

impl Seen {
    /// What identifies the pair as long as it is where it is.
    pub fn key(&self) -> PairKey {
        PairKey::of(&self.pair)
    }

    /// Whether the namespace of each end can be entered, which its cookie takes.
    pub fn can_be_entered(&self) -> [bool; 2] {
        [0, 1].map(|end| self.addresses[end].is_some() && self.pair.ends[end].netns.cookie.is_some())
    }
}

/// Of two ends in one namespace the one of lower index stands first.
impl From<Sighting> for Seen {
    fn from(sighting: Sighting) -> Self {
        let Sighting { mut pair, namespaces, .. } = sighting;
        let mut addresses = namespaces.map(|namespace| Some(namespace?.address()));
        let [first, second] = &pair.ends;
        if first.netns == second.netns && second.ifindex < first.ifindex {
            pair.ends.reverse();
            addresses.reverse();
        }
        Self { pair, addresses }
    }
}

/// Looks at all pairs, again and again.
pub struct Scout {
    watch: Watch,
    arrivals: Arrivals,
    owners: Owners,
    inhabitants: Inhabitants,
    round: Interval,
    check: Interval,
    rounds: u32,
    /// Not before this.
    rest: Option<Instant>,
}

impl Scout {
    /// Must be called on the runtime.
    pub fn new() -> Self {
        let every = |period| {
            let mut interval = interval(period);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        };
        Self {
            watch: Watch::default(),
            arrivals: Arrivals::open(),
            owners: Owners::default(),
            inhabitants: Inhabitants::default(),
            round: every(ROUND),
            check: every(CHECK),
            rounds: 0,
            rest: None,
        }
    }

    /// All pairs at once the first time, and then whenever they may have changed.
    pub async fn look(&mut self) -> Result<Vec<Seen>> {
        if let Some(rest) = self.rest {
            self.wait().await;
            sleep_until(rest).await;
        }
        let began = Instant::now();
        let watch = &mut self.watch;
        let scan = || {
            let scan = netns::scan_others();
            // Listening comes before the look, so that nothing falls between.
            watch.listen(&scan);
            scan
        };
        let snapshot = Snapshot::settled(scan, &mut self.owners).await;
        let took = began.elapsed();
        self.rest = Some(Instant::now() + (took * REST).clamp(SHORTEST_REST, LONGEST_REST));
        let seen: Vec<Seen> = snapshot?.pairs().into_iter().map(Seen::from).collect();
        self.inhabitants = Inhabitants::of(seen.iter().map(|seen| &seen.pair));
        tracing::debug!(pairs = seen.len(), ?took, "looked at all pairs");
        Ok(seen)
    }

    /// Returns when it is worth looking.
    async fn wait(&mut self) {
        loop {
            tokio::select! {
                () = self.watch.hint() => {
                    self.watch.settle().await;
                    return;
                }
                _ = self.check.tick() => {
                    let came = self.arrivals.any();
                    if self.watch.let_go() || came {
                        // A name is made first, and then the namespace bound to it.
                        self.watch.settle().await;
                        return;
                    }
                }
                _ = self.round.tick() => {
                    self.rounds += 1;
                    let scan = netns::scan_others();
                    let has_changed =
                        self.watch.listen(&scan) || self.inhabitants.differ(&scan, &mut self.owners);
                    if has_changed || self.rounds.is_multiple_of(ROUNDS) {
                        return;
                    }
                }
            }
        }
    }
}

impl Default for Scout {
    fn default() -> Self {
        Self::new()
    }
}
