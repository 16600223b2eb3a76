//! The command that is measured: our child, with a terminal of its own as far as it can tell.

use std::{
    ffi::OsString,
    io,
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

use crate::model::latency::CommandEnd;

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
    /// Starts it. Its output is its own; but where ours is JSON, what it prints goes to standard error.
    pub(super) fn start(command: &[OsString], json: bool) -> Result<Option<Self>> {
        let Some((program, arguments)) = command.split_first() else { return Ok(None) };
        let argv: Vec<String> = command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let mut command = Command::new(program);
        command.args(arguments).kill_on_drop(true);
        if json {
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

    pub(super) fn end(&self) -> CommandEnd {
        CommandEnd {
            argv: self.argv.clone(),
            exit_code: self.ended.and_then(|status| status.code()),
            signal: self.ended.and_then(|status| status.signal()),
            stopped: self.stopped,
        }
    }
}

/// Returns when the command ends; never when there is none.
pub(super) async fn ended(command: &mut Option<Measured>) -> Result<()> {
    match command {
        Some(command) => command.wait().await,
        None => std::future::pending().await,
    }
}
