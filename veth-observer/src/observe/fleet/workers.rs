//! Threads that put programs on pairs and take them off: most of that is waiting for the kernel, and whoever counts must not.

use std::sync::Arc;

use anyhow::Result;
use tokio::sync::mpsc;

use super::{super::Observation, Settings, blocks::Blocks, failure::Failure, reach};
use crate::topology::{PairKey, Seen};

/// The kernel lets one device change at a time; meanwhile another thread may load.
const THREADS: usize = 2;

/// Jobs that wait for one thread.
const WAITING: usize = 64;

pub(super) enum Job {
    Attach(Box<Seen>),
    Detach(Box<Observation>),
}

/// An attach that succeeded or did not.
pub(super) struct Done {
    pub(super) key: PairKey,
    pub(super) result: Result<Box<Observation>, Failure>,
}

/// They end when this is dropped, after what they are at.
pub(super) struct Workers {
    threads: Vec<mpsc::Sender<Job>>,
    next: usize,
}

impl Workers {
    /// Must be called on the runtime.
    pub(super) fn start(settings: &Settings, blocks: &Arc<Blocks>) -> (Self, mpsc::Receiver<Done>) {
        let (done, results) = mpsc::channel(WAITING);
        let threads = (0..THREADS).map(|_| {
            let (sender, mut jobs) = mpsc::channel(WAITING);
            let (settings, blocks, done) = (settings.clone(), Arc::clone(blocks), done.clone());
            let runtime = tokio::runtime::Handle::current();
            tokio::task::spawn_blocking(move || {
                while let Some(job) = jobs.blocking_recv() {
                    match job {
                        Job::Attach(seen) => attach(&settings, &blocks, &seen, &done, &runtime),
                        Job::Detach(observation) => drop(observation),
                    }
                }
            });
            sender
        });
        (Self { threads: threads.collect(), next: 0 }, results)
    }

    /// Gives a job to a thread that has room for it; else gives it back.
    pub(super) fn give(&mut self, mut job: Job) -> Result<(), Job> {
        for _ in 0..self.threads.len() {
            self.next = (self.next + 1) % self.threads.len();
            match self.threads[self.next].try_send(job) {
                Ok(()) => return Ok(()),
                Err(full) => job = full.into_inner(),
            }
        }
        Err(job)
    }
}

fn attach(
    settings: &Settings,
    blocks: &Blocks,
    seen: &Seen,
    done: &mpsc::Sender<Done>,
    runtime: &tokio::runtime::Handle,
) {
    let key = seen.key();
    let done = done.clone();
    match attach_here(settings, blocks, seen) {
        Ok(mut observation) => {
            // Waits for what is under way, and needs no thread for that.
            runtime.spawn(async move {
                let begun = observation.begin().await;
                let result = begun.map(|()| observation).map_err(|error| Failure::of(&error));
                // Nobody is left to tell when we are ending.
                let _ = done.send(Done { key, result }).await;
            });
        }
        Err(failure) => {
            let _ = done.blocking_send(Done { key, result: Err(failure) });
        }
    }
}

fn attach_here(settings: &Settings, blocks: &Blocks, seen: &Seen) -> Result<Box<Observation>, Failure> {
    let namespaces = reach::namespaces(seen)?;
    let reached = namespaces.each_ref().map(Option::as_ref);
    let mut observation =
        Observation::attach(&seen.pair, reached, settings.of_pair(), |kernel| blocks.load(kernel))
            .map_err(|error| Failure::of(&error))?;
    if let Some(limit) = reach::limit(seen) {
        observation.limits = vec![limit];
    }
    Ok(Box::new(observation))
}
