//! The command that is measured: our child, with a terminal of its own as far as it can tell.

use std::{
    ffi::OsString,
    fmt, io,
    os::{fd::AsFd, unix::process::ExitStatusExt},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    time::timeout,
};

use crate::{model::latency::CommandEnd, view::escape};

/// How long it may take to end of itself: Ctrl-C in a terminal reaches it as it reaches us.
const GRACE: Duration = Duration::from_millis(500);

/// How long it may take to end when told to, before it is killed.
const PATIENCE: Duration = Duration::from_secs(2);

/// A command that runs while we measure. Dropped, it is killed.
pub(super) struct Measured {
    argv: Vec<String>,
    child: Child,
    ended: Option<ExitStatus>,
    stopped: bool,
}

impl Measured {
    /// Starts it. Its output is its own, or goes to standard error where it would be among ours.
    pub(super) fn start(command: &[OsString], aside: bool) -> Result<Option<Self>> {
        let Some((program, arguments)) = command.split_first() else { return Ok(None) };
        let argv: Vec<String> = command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let mut command = Command::new(program);
        command.args(arguments).kill_on_drop(true);
        if aside {
            command.stdout(Stdio::from(io::stderr().as_fd().try_clone_to_owned()?));
        }
        let child = command.spawn().with_context(|| format!("cannot run {}", argv[0]))?;
        Ok(Some(Self { argv, child, ended: None, stopped: false }))
    }

    /// Returns when it has ended.
    pub(super) async fn wait(&mut self) -> Result<()> {
        self.ended = Some(self.child.wait().await.context("cannot wait for the command")?);
        Ok(())
    }

    /// Sees it end, with more and more force; at once when nobody else has told it to.
    pub(super) async fn stop(&mut self, at_once: bool) -> Result<()> {
        if self.ended.is_some() {
            return Ok(());
        }
        self.stopped = true;
        if !at_once && let Ok(ended) = timeout(GRACE, self.wait()).await {
            return ended;
        }
        if let Some(pid) = self.child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)) {
            // It may have ended this moment; the wait below tells.
            let _ = kill_process(pid, Signal::TERM);
        }
        if let Ok(ended) = timeout(PATIENCE, self.wait()).await {
            return ended;
        }
        self.child.start_kill().context("cannot kill the command")?;
        self.wait().await
    }

    /// An error with its exit code when it failed by itself.
    pub(super) fn verdict(&self) -> Result<()> {
        let end = self.end();
        if end.is_fine() {
            return Ok(());
        }
        let name = escape::name(&self.argv[0]).into_owned();
        Err(match (end.exit_code, end.signal) {
            (Some(code), _) => Failed { what: format!("{name} exited with {code}"), code },
            (None, signal) => {
                let signal = signal.unwrap_or_default();
                Failed { what: format!("{name} was killed by signal {signal}"), code: 128 + signal }
            }
        }
        .into())
    }

    pub(super) fn end(&self) -> CommandEnd {
        CommandEnd {
            argv: self.argv.clone(),
            exit_code: self.ended.and_then(|status| status.code()),
            signal: self.ended.and_then(|status| status.signal()),
            stopped: self.stopped,
        }
    }
}

/// The command that was measured failed: its exit code is ours, 128 and the signal where one killed it, as shells have it.
#[derive(Debug)]
pub(super) struct Failed {
    what: String,
    code: i32,
}

impl Failed {
    pub(super) fn exit_code(&self) -> u8 {
        u8::try_from(self.code).unwrap_or(1)
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failed {}

/// Returns when the command ends; never when there is none.
pub(super) async fn ended(command: &mut Option<Measured>) -> Result<()> {
    match command {
        Some(command) => command.wait().await,
        None => std::future::pending().await,
    }
}
