//! SIGHUP: the configuration is to be read anew, unless it is the terminal that went away.

use std::fs::File;

use anyhow::Result;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::stop::is_ignored;

pub(super) struct Hangup {
    signal: Signal,
    /// We end with our terminal; not where we were started to outlive it (nohup).
    has_terminal: bool,
}

/// What a hangup asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Reload,
    Stop,
}

impl Hangup {
    pub(super) fn new() -> Result<Self> {
        let has_terminal = !is_ignored(SignalKind::hangup()) && has_terminal();
        Ok(Self { signal: signal(SignalKind::hangup())?, has_terminal })
    }

    /// Waits for the next one. May be dropped and called again.
    pub(super) async fn asked(&mut self) -> Asked {
        self.signal.recv().await;
        // The kernel takes the terminal away before it tells: drivers/tty/tty_jobctrl.c `tty_signal_session_leader`.
        if self.has_terminal && !has_terminal() { Asked::Stop } else { Asked::Reload }
    }
}

/// Whether we have one to be controlled by; tty(4).
fn has_terminal() -> bool {
    File::open("/dev/tty").is_ok()
}
