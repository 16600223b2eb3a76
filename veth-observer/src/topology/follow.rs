//! Following all pairs as they come, change and go.
//!
//! The kernel's link messages say when to look, not what changed: they cannot be placed among namespaces, and a burst of
//! them may be lost. What changed is the difference between two looks.

use std::{collections::HashMap, pin::Pin, time::Duration};

use anyhow::Result;
use futures_util::{Stream, StreamExt, stream::SelectAll};

use super::{changes::between, connection::Connection, snapshot::Snapshot};
use crate::{
    model::{
        change::{Change, Event},
        link::{Netns, Owner, Pair},
    },
    netns::{self, Key, Scan},
    owners::{Home, Owners},
};

type Hints = Pin<Box<dyn Stream<Item = Hint> + Send>>;

/// Something may have changed in the namespace, or its connection ended.
#[derive(Clone, Copy)]
enum Hint {
    Look,
    Closed(Key),
}

/// How many of these rounds pass between two looks at who lives there: a container may be renamed, or get a companion,
/// and no namespace changes.
const OWNER_ROUNDS: u32 = 4;
/// How often to look for namespaces that came or went. They send no message; holding a connection to one that was
/// deleted would keep it, and its pairs, alive.
const ROUND: Duration = Duration::from_millis(500);
/// Making a pair sends several messages in a row: wait for the last one of a burst.
const SETTLE: Duration = Duration::from_millis(20);

/// A watch over all pairs.
pub struct Follower {
    connections: HashMap<Key, Connection>,
    hints: SelectAll<Hints>,
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
        let mut follower = Self {
            connections: HashMap::new(),
            hints: SelectAll::new(),
            round,
            pairs: Vec::new(),
            owners: Owners::default(),
            rounds: 0,
        };
        // Listening comes before the first look, so that nothing falls between.
        follower.listen(&netns::scan_others());
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
                Some(hint) = self.hints.next() => {
                    self.note(hint);
                    while let Ok(Some(hint)) = tokio::time::timeout(SETTLE, self.hints.next()).await {
                        self.note(hint);
                    }
                    return;
                }
                _ = self.round.tick() => {
                    let scan = netns::scan_others();
                    let are_others = self.listen(&scan);
                    self.rounds += 1;
                    if are_others || (self.rounds.is_multiple_of(OWNER_ROUNDS) && self.owners_differ(&scan)) {
                        return;
                    }
                }
            }
        }
    }

    fn note(&mut self, hint: Hint) {
        if let Hint::Closed(key) = hint {
            self.connections.remove(&key);
        }
    }

    /// Listens in namespaces that came and stops in those that went; true if there were any.
    fn listen(&mut self, scan: &Scan) -> bool {
        let known = self.connections.len();
        self.connections.retain(|key, _| scan.namespaces.iter().any(|namespace| namespace.key() == *key));
        let mut changed = self.connections.len() != known;
        for namespace in &scan.namespaces {
            let key = namespace.key();
            if self.connections.contains_key(&key) {
                continue;
            }
            match Connection::listen(namespace) {
                Ok((connection, events)) => {
                    let closed = futures_util::stream::once(async move { Hint::Closed(key) });
                    self.hints.push(Box::pin(events.map(|()| Hint::Look).chain(closed)));
                    self.connections.insert(key, connection);
                    changed = true;
                }
                Err(error) => tracing::debug!(%namespace.id, "cannot listen: {error:#}"),
            }
        }
        changed
    }

    /// Whether somebody else lives at an end, or has another name.
    fn owners_differ(&mut self, scan: &Scan) -> bool {
        let ends: HashMap<&Netns, &Option<Owner>> =
            self.pairs.iter().flat_map(|pair| &pair.ends).map(|end| (&end.netns, &end.owner)).collect();
        let lived_in = scan.namespaces.iter().filter(|namespace| !scan.is_common(namespace));
        let (before, homes): (Vec<_>, Vec<_>) = lived_in
            .filter_map(|namespace| {
                let tenants = scan.tenants(namespace);
                Some((*ends.get(&namespace.id)?, (Home::new(&namespace.id, tenants)?, tenants)))
            })
            .unzip();
        self.owners.of(&homes).iter().zip(before).any(|(now, before)| now != before)
    }
}

async fn look(owners: &mut Owners) -> Result<Vec<Pair>> {
    let snapshot = Snapshot::take_others(owners).await?;
    Ok(snapshot.pairs().into_iter().map(|sighting| sighting.pair).collect())
}
