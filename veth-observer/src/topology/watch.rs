//! When it is worth looking at all pairs again.
//!
//! The kernel's link messages say when to look, not what changed: they cannot be placed among namespaces, and a burst of
//! them may be lost, which is a message too.

use std::{
    collections::{HashMap, HashSet},
    pin::Pin,
    time::Duration,
};

use futures_util::{Stream, StreamExt, stream::SelectAll};
use tokio::time::{Instant, timeout_at};

use super::connection::Connection;
use crate::netns::{self, Address, Key, Scan};

type Hints = Pin<Box<dyn Stream<Item = Hint> + Send>>;

/// Something may have changed in the namespace, or its connection ended.
#[derive(Clone, Copy)]
enum Hint {
    Look,
    Closed(Key),
}

/// Making a pair sends several messages in a row: wait for the last one of a burst,
const SETTLE: Duration = Duration::from_millis(20);
/// but not for the end of a stream of them.
const PATIENCE: Duration = Duration::from_millis(200);

/// Connections that listen, one in each namespace.
#[derive(Default)]
pub(super) struct Watch {
    connections: HashMap<Key, (Connection, Address)>,
    hints: SelectAll<Hints>,
    /// Whether it was said that there are too many namespaces.
    has_warned: bool,
}

impl Watch {
    /// Returns when something may have changed. May be dropped and called again.
    pub(super) async fn hint(&mut self) {
        let Some(hint) = self.hints.next().await else { return std::future::pending().await };
        self.note(hint);
    }

    /// Returns at the end of the burst that a hint began.
    pub(super) async fn settle(&mut self) {
        let patience = Instant::now() + PATIENCE;
        loop {
            let quiet = (Instant::now() + SETTLE).min(patience);
            if timeout_at(quiet, self.hint()).await.is_err() || quiet == patience {
                return;
            }
        }
    }

    fn note(&mut self, hint: Hint) {
        if let Hint::Closed(key) = hint {
            self.connections.remove(&key);
        }
    }

    /// Lets go of namespaces that are no longer where they were found: a connection would keep them, and their pairs, alive.
    /// True if there were any.
    pub(super) fn let_go(&mut self) -> bool {
        let known = self.connections.len();
        self.connections.retain(|_, (_, address)| address.holds());
        self.connections.len() != known
    }

    /// Listens in namespaces that came and stops in those that went; true if there were any.
    pub(super) fn listen(&mut self, scan: &Scan) -> bool {
        let known = self.connections.len();
        let there: HashSet<Key> = scan.namespaces.iter().map(netns::Namespace::key).collect();
        self.connections.retain(|key, _| there.contains(key));
        let mut changed = self.connections.len() != known;
        for namespace in &scan.namespaces {
            let key = namespace.key();
            if self.connections.contains_key(&key) {
                continue;
            }
            // The rest is for looking, which opens each namespace, and for the pairs.
            if self.connections.len() as u64 >= netns::most_files() / 4 {
                self.warn(there.len());
                break;
            }
            match Connection::listen(namespace) {
                Ok((connection, events)) => {
                    let closed = futures_util::stream::once(async move { Hint::Closed(key) });
                    self.hints.push(Box::pin(events.map(|()| Hint::Look).chain(closed)));
                    self.connections.insert(key, (connection, namespace.address()));
                    changed = true;
                }
                Err(error) => tracing::debug!(%namespace.id, "cannot listen: {error:#}"),
            }
        }
        changed
    }

    fn warn(&mut self, namespaces: usize) {
        if !std::mem::replace(&mut self.has_warned, true) {
            tracing::warn!(
                "listening in {} of {namespaces} network namespaces, since at most {} files may be open (`ulimit -Hn`, LimitNOFILE): \
                 changes in the others show after up to a minute",
                self.connections.len(),
                netns::most_files(),
            );
        }
    }
}
