//! Standard output: text for people, one JSON object per line (or indented) for programs.

use std::{
    io::{self, Stdout, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use anyhow::{Context, Result};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{Errno, write},
};
use serde::Serialize;

use super::{Global, stop};
use crate::view::{Style, escape};

/// Where a command prints. Errors of writing come back, so that a closed pipe ends the command quietly.
pub struct Output {
    stdout: Stdout,
    json: bool,
    pretty: bool,
    style: Style,
    /// How often -v was given.
    pub verbose: u8,
}

impl Output {
    pub(super) fn new(global: &Global) -> Self {
        Self {
            stdout: io::stdout(),
            json: global.wants_json(),
            pretty: global.pretty,
            style: Style { unicode: utf8_locale() },
            verbose: global.verbose,
        }
    }

    /// True when the caller wants JSON.
    pub fn wants_json(&self) -> bool {
        self.json
    }

    /// How text for people is to be written.
    pub fn style(&self) -> Style {
        self.style
    }

    /// Prints one JSON value and a line end.
    pub fn json(&mut self, value: &impl Serialize) -> Result<()> {
        let text = self.as_json(value)?;
        self.text(&text)
    }

    /// One JSON value and a line end, to be printed together with others.
    pub fn as_json(&self, value: &impl Serialize) -> Result<String> {
        let text =
            if self.pretty { serde_json::to_string_pretty(value)? } else { serde_json::to_string(value)? };
        Ok(escape::json(&text).into_owned() + "\n")
    }

    /// Prints text, control characters of names in it as their escapes, and flushes, so that a reader of a pipe sees each line
    /// when it is said.
    pub fn text(&mut self, text: &str) -> Result<()> {
        let text = escape::text(text);
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            wait_for_reader(&self.stdout)?;
            match write(&self.stdout, &rest[..rest.len().min(AT_ONCE)]) {
                Ok(written) => rest = &rest[written..],
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(error) => return Err(io::Error::from(error)).context("cannot write to standard output"),
            }
        }
        Ok(())
    }

    /// Prints one line.
    pub fn line(&mut self, line: impl AsRef<str>) -> Result<()> {
        self.text(&format!("{}\n", line.as_ref()))
    }
}

/// PIPE_BUF: a pipe that has room for anything has room for so much (pipe(7)).
const AT_ONCE: usize = 4096;

/// How often to look whether somebody lost patience with a reader that stands still.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Returns when there is room for [`AT_ONCE`], or nobody to write for any more.
fn wait_for_reader(stdout: &Stdout) -> Result<()> {
    loop {
        match poll(&mut [PollFd::new(stdout, PollFlags::OUT)], Some(&PATIENCE)) {
            Ok(0) | Err(Errno::INTR) if stop::is_given_up() => return Err(stop::Interrupted.into()),
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(io::Error::from(error).into()),
        }
    }
}

/// No notes from now on: nobody sits at a terminal, and whoever reads standard error takes each for a failure.
pub fn hush() {
    HUSHED.store(true, Ordering::Relaxed);
}

static HUSHED: AtomicBool = AtomicBool::new(false);

/// Tells the person at the terminal something that is not output.
pub fn note(line: impl AsRef<str>) {
    if HUSHED.load(Ordering::Relaxed) {
        return;
    }
    // Nobody is left to tell when standard error is closed.
    let _ = io::stderr().write_all(format!("{}\n", escape::text(line.as_ref())).as_bytes());
}

/// Whether the locale can show µ: the first of the variables that is set decides, as in setlocale(3).
fn utf8_locale() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    set.is_some_and(|value| value.to_ascii_lowercase().replace('-', "").contains("utf8"))
}
