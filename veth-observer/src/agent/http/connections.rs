//! How many connections there may be, and whose turn it is to go when there are too many.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};

use tokio::sync::Notify;

/// All connections of a server. When they are as many as may be, the one that has been idle longest makes room for the next,
/// else the one that has not taken its answer for longest: who only holds a connection keeps nobody out.
#[derive(Debug)]
pub(super) struct Connections {
    most: usize,
    began: Instant,
    open: Mutex<Open>,
    refused: AtomicU64,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    connections: BTreeMap<u64, Arc<Activity>>,
}

/// What one connection is doing. Times are milliseconds since the server began.
#[derive(Debug)]
pub(super) struct Activity {
    began: Instant,
    /// Requests whose answers are not complete.
    requests: AtomicUsize,
    idle_since: AtomicU64,
    /// Plus one; 0 when it takes what is written.
    stalled_since: AtomicU64,
    evicted: Notify,
}

/// A place among the connections, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    id: u64,
    connections: Arc<Connections>,
    pub(super) activity: Arc<Activity>,
}

impl Connections {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, began: Instant::now(), open: Mutex::default(), refused: AtomicU64::new(0) })
    }

    /// A place for a new connection; none when all that there are get their answers.
    pub(super) fn admit(self: &Arc<Self>) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.connections.len() >= self.most {
            self.refused.fetch_add(1, Ordering::Relaxed);
            let victim = open
                .connections
                .iter()
                .filter_map(|(id, activity)| Some((activity.claim_to_go()?, *id)))
                .min()?;
            if let Some(activity) = open.connections.remove(&victim.1) {
                activity.evicted.notify_one();
            }
        }
        let id = open.next;
        open.next += 1;
        let activity = Arc::new(Activity::new(self.began));
        open.connections.insert(id, Arc::clone(&activity));
        Some(Place { id, connections: Arc::clone(self), activity })
    }

    pub(super) fn count(&self) -> u64 {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).connections.len() as u64
    }

    /// Connections turned away or ended for others.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.connections.remove(&self.id);
    }
}

impl Activity {
    fn new(began: Instant) -> Self {
        let activity = Self {
            began,
            requests: AtomicUsize::new(0),
            idle_since: AtomicU64::new(0),
            stalled_since: AtomicU64::new(0),
            evicted: Notify::new(),
        };
        activity.idle_since.store(activity.now(), Ordering::Relaxed);
        activity
    }

    /// Until the connection has to make room for another.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    pub(super) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn answered(&self) {
        self.idle_since.store(self.now(), Ordering::Relaxed);
        self.requests.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether what is written finds no room.
    pub(super) fn stalled(&self, stalled: bool) {
        self.stalled_since.store(if stalled { self.now() + 1 } else { 0 }, Ordering::Relaxed);
    }

    /// The smallest goes first; none for one that is being answered.
    fn claim_to_go(&self) -> Option<(bool, u64)> {
        let stalled = self.stalled_since.load(Ordering::Relaxed);
        if stalled > 0 {
            Some((true, stalled))
        } else if self.requests.load(Ordering::Relaxed) == 0 {
            Some((false, self.idle_since.load(Ordering::Relaxed)))
        } else {
            None
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn idle_ones_go_first_then_stalled_ones_and_never_those_that_are_answered() {
        let connections = Connections::new(3);
        let places: Vec<Place> = (0..3).map(|_| connections.admit().unwrap()).collect();
        places[0].activity.request();
        places[1].activity.request();
        places[1].activity.stalled(true);
        let fourth = connections.admit().expect("the idle one goes");
        places[2].activity.evicted().await;
        fourth.activity.request();
        let fifth = connections.admit().expect("the stalled one goes");
        places[1].activity.evicted().await;
        fifth.activity.request();
        assert!(connections.admit().is_none(), "all are being answered");
        assert_eq!((connections.count(), connections.refused()), (3, 3));
        places[0].activity.answered();
        assert!(connections.admit().is_some());
        drop(places);
        drop(fourth);
        drop(fifth);
        assert_eq!(connections.count(), 0);
    }
}
