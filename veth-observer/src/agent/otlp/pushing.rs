//! When to send, when to try again, and what to tell.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context, Result};
use rustix::rand::{GetRandomFlags, getrandom};
use tokio::{
    runtime::Builder,
    sync::oneshot,
    time::{Instant, sleep_until, timeout},
};
use tracing::{debug, info, warn};

use super::{
    Flags,
    backoff::Backoff,
    exporter::Exporter,
    receiver::{Outcome, Receiver},
    settings,
};
use crate::{
    agent::source::Source,
    model::snapshot::{PushState, Snapshot},
    view::metrics::Versions,
};

/// How long the last export may hold up the end.
const PARTING: Duration = Duration::from_secs(3);

/// Exports one snapshot after another until it is dropped or finished.
#[derive(Debug)]
pub struct Pushing {
    target: String,
    state: Arc<Mutex<PushState>>,
    stop: Option<oneshot::Sender<Arc<Snapshot>>>,
    thread: Option<JoinHandle<()>>,
}

impl Pushing {
    /// None where no receiver is named. Whatever is wrong with what is asked for fails here; a receiver that is not there yet
    /// does not.
    pub fn start(flags: &Flags, source: Source, versions: Versions) -> Result<Option<Self>> {
        let environment = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let Some(settings) = settings::settings(flags, &environment, versions.observer)? else {
            return Ok(None);
        };
        let receiver = Receiver::new(&settings)?;
        let interval = humantime::format_duration(settings.interval);
        let target = format!("{} every {interval}", receiver.shown());
        let state = Arc::<Mutex<PushState>>::default();
        let mut pusher = Pusher {
            exporter: Exporter::new(versions, settings.resource, settings.gzip),
            receiver,
            interval: settings.interval,
            backoff: Backoff::default(),
            not_before: Instant::now(),
            failing: 0,
            told_of_rejects: false,
            state: Arc::clone(&state),
        };
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(1)
            .enable_all()
            .build()
            .context("cannot start the async runtime of the OTLP export")?;
        let (stop, stopped) = oneshot::channel();
        let push = move || {
            runtime.block_on(async {
                let last = tokio::select! {
                    () = pusher.run(&source) => None,
                    // Dropped or told: both mean the end.
                    last = stopped => last.ok(),
                };
                if let Some(last) = last
                    && timeout(PARTING, pusher.last(&last)).await.is_err()
                {
                    warn!("the last metrics were not pushed: no answer within {PARTING:?}");
                }
            });
            // A name that is still being looked up holds up nobody.
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name("otlp".into()).spawn(push)?;
        Ok(Some(Self { target, state, stop: Some(stop), thread: Some(thread) }))
    }

    /// Where to and how often, for people.
    pub fn target(&self) -> String {
        self.target.clone()
    }

    pub fn state(&self) -> PushState {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pushes this as the last, for some seconds at most, and ends.
    pub fn finish(mut self, snapshot: Snapshot) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(Arc::new(snapshot));
        }
    }
}

impl Drop for Pushing {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Pusher {
    exporter: Exporter,
    receiver: Receiver,
    interval: Duration,
    backoff: Backoff,
    /// The receiver is left alone until then.
    not_before: Instant,
    /// Attempts since the last that succeeded.
    failing: u64,
    told_of_rejects: bool,
    state: Arc<Mutex<PushState>>,
}

/// What is to be done after an attempt.
enum Then {
    Done,
    GiveUp,
    Wait(Duration),
}

impl Pusher {
    async fn run(&mut self, source: &Source) {
        let mut due = Instant::now() + self.interval;
        loop {
            sleep_until(due.max(self.not_before)).await;
            let now = Instant::now();
            while due <= now {
                due += self.interval;
            }
            match source.snapshot().await {
                Ok(snapshot) => self.export(&snapshot, due).await,
                Err(error) => debug!("nothing to push: {error:#}"),
            }
        }
    }

    /// Tries until the next is due, which says all that this says and more.
    async fn export(&mut self, snapshot: &Arc<Snapshot>, until: Instant) {
        let body = match self.exporter.body(snapshot) {
            Ok(body) => body,
            Err(error) => return warn!("cannot make an export: {error:#}"),
        };
        loop {
            let outcome = self.receiver.send(body.clone()).await;
            match self.judge(outcome) {
                Then::Done => return,
                Then::GiveUp => break,
                Then::Wait(wait) => {
                    self.not_before = Instant::now() + wait;
                    if self.not_before >= until {
                        break;
                    }
                    sleep_until(self.not_before).await;
                }
            }
        }
        self.exporter.missed();
        self.count(|state| state.failed += 1);
    }

    /// Counts and tells what became of an attempt.
    fn judge(&mut self, outcome: Outcome) -> Then {
        let endpoint = self.receiver.shown();
        let (why, then) = match outcome {
            Outcome::Delivered { rejected, why } => {
                self.backoff.reset();
                self.count(|state| {
                    state.delivered += 1;
                    state.rejected_points += rejected;
                });
                if rejected > 0 && !self.told_of_rejects {
                    self.told_of_rejects = true;
                    warn!("{endpoint} did not take {rejected} data points: {why}; this is told once");
                }
                if self.failing > 0 {
                    info!("{endpoint} takes metrics again, after {} attempts that failed", self.failing);
                }
                self.failing = 0;
                return Then::Done;
            }
            Outcome::Refused { why } => {
                self.backoff.reset();
                (why, Then::GiveUp)
            }
            Outcome::Later { why, after } => {
                (why, Then::Wait(after.unwrap_or_else(|| self.backoff.next(random()))))
            }
        };
        self.failing += 1;
        if self.failing == 1 {
            warn!("cannot push metrics to {endpoint}: {why}; this is told once, until it succeeds");
        } else {
            debug!("cannot push metrics to {endpoint}: {why}");
        }
        then
    }

    /// One attempt.
    async fn last(&mut self, snapshot: &Arc<Snapshot>) {
        match self.exporter.body(snapshot) {
            Ok(body) => {
                let outcome = self.receiver.send(body).await;
                self.judge(outcome);
            }
            Err(error) => warn!("cannot make an export: {error:#}"),
        }
    }

    fn count(&self, change: impl FnOnce(&mut PushState)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Nothing depends on it but that not all come at once.
fn random() -> u32 {
    let mut bytes = [0; 4];
    let _ = getrandom(&mut bytes, GetRandomFlags::empty());
    u32::from_ne_bytes(bytes)
}
