//! When an observing command stops: Ctrl-C, SIGTERM or SIGHUP, a duration, or what the command itself counts.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::Result;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::Instant,
};

/// Signals so far: whoever is stuck in a system call cannot wait for them.
static SIGNALS: AtomicU32 = AtomicU32::new(0);

async fn count(mut stop: Stop) {
    loop {
        stop.signal().await;
        SIGNALS.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whether a second signal came, after which nobody waits for a summary.
pub(super) fn is_given_up() -> bool {
    SIGNALS.load(Ordering::Relaxed) >= 2
}

/// The first signal asks for the summary, the second ends the command without it.
pub(super) struct Stop {
    interrupt: Signal,
    terminate: Signal,
    /// The terminal went away; none where we were started to outlive it (nohup).
    hangup: Option<Signal>,
    deadline: Option<Instant>,
}

impl Stop {
    /// Catches signals from now on, so that one that comes while we attach is not lost.
    pub(super) fn new() -> Result<Self> {
        Self::with(!is_ignored(SignalKind::hangup()))
    }

    /// The same for a command to which SIGHUP means something else.
    pub(super) fn but_for_hangups() -> Result<Self> {
        Self::with(false)
    }

    fn with(hangup: bool) -> Result<Self> {
        let stop = || -> Result<Self> {
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
                hangup: hangup.then(|| signal(SignalKind::hangup())).transpose()?,
                deadline: None,
            })
        };
        tokio::spawn(count(stop()?));
        stop()
    }

    /// Stops after this long from now.
    pub(super) fn within(&mut self, duration: Option<Duration>) {
        self.deadline = duration.map(|duration| Instant::now() + duration);
    }

    /// Whether the time that was given is over.
    pub(super) fn is_over(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= Instant::now())
    }

    /// Returns when it is time to stop.
    pub(super) async fn wait(&mut self) {
        let deadline = self.deadline;
        let deadline = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.signal() => {}
            () = deadline => {}
        }
    }

    /// Runs work that it may be time to stop in the middle of; none then.
    pub(super) async fn unless<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.wait() => None,
        }
    }

    /// Runs the last work of a command; a further signal cuts it short.
    pub(super) async fn last<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            done = work => done,
            () = self.signal() => Err(Interrupted.into()),
        }
    }

    /// Returns when a signal comes.
    async fn signal(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hangup => {}
        }
    }
}

/// Whether we were started with this signal ignored; proc_pid_status(5).
pub(super) fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (kind.as_raw_value() - 1) & 1 == 1
}

/// The second Ctrl-C: exit code 130, and everything taken is given back on the way out.
#[derive(Debug)]
pub(super) struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted before the summary")
    }
}

impl std::error::Error for Interrupted {}
