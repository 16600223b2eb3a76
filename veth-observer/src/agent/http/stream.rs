//! Reports as server-sent events, one a second. Who does not keep up is dropped, and may come again.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::body::{Body, Bytes};
use futures_util::stream::unfold;
use tokio::{
    sync::broadcast::{self, Receiver, Sender, error::RecvError},
    time::MissedTickBehavior,
};

use super::routes::Shared;
use crate::agent::exporter::What;

/// From one report to the next.
const EVERY: Duration = Duration::from_secs(1);

/// Reports that may wait for a client to take them.
const WAITING: usize = 4;

/// Says nothing, but keeps the connection from looking dead.
const ALIVE: &[u8] = b": no report\n\n";

/// The streams that are running.
#[derive(Debug)]
pub(super) struct Streams {
    most: usize,
    sender: Sender<Bytes>,
    dropped: Arc<AtomicU64>,
}

impl Streams {
    pub(super) fn new(most: usize) -> Self {
        let (sender, _) = broadcast::channel(WAITING);
        Self { most, sender, dropped: Arc::default() }
    }

    /// The body of one more; none when there are enough.
    pub(super) fn join(&self) -> Option<Body> {
        if self.sender.receiver_count() >= self.most {
            return None;
        }
        let state = (self.sender.subscribe(), Arc::clone(&self.dropped));
        Some(Body::from_stream(unfold(state, next)))
    }

    /// Streams that were ended because the client did not keep up.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

async fn next(
    (mut receiver, dropped): (Receiver<Bytes>, Arc<AtomicU64>),
) -> Option<(Result<Bytes, Infallible>, (Receiver<Bytes>, Arc<AtomicU64>))> {
    match receiver.recv().await {
        Ok(event) => Some((Ok(event), (receiver, dropped))),
        Err(RecvError::Closed) => None,
        Err(RecvError::Lagged(_)) => {
            dropped.fetch_add(1, Ordering::Relaxed);
            None
        }
    }
}

/// Sends a report every second while anybody listens.
pub(super) async fn broadcast(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if shared.streams.sender.receiver_count() > 0 {
            // With nobody left to hear it, there is nobody to miss it.
            let _ = shared.streams.sender.send(event(&shared).await);
        }
    }
}

async fn event(shared: &Arc<Shared>) -> Bytes {
    let Ok(snapshot) = shared.source.snapshot().await else { return Bytes::from_static(ALIVE) };
    let shared = Arc::clone(shared);
    let made = tokio::task::spawn_blocking(move || {
        let asked = std::time::Instant::now();
        let report = shared.exporter.body(&snapshot, Default::default, What::Report, false, asked)?;
        // A report is one line: JSON has no line break in it.
        anyhow::Ok(Bytes::from([b"data: ", report.as_ref(), b"\n\n"].concat()))
    });
    made.await.ok().and_then(Result::ok).unwrap_or(Bytes::from_static(ALIVE))
}
