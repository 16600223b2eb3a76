//! Standard output: text for people, one JSON object per line (or indented) for programs.

use std::io::{self, Stdout, Write};

use anyhow::Result;
use serde::Serialize;

use super::{Format, Global};

/// Where a command prints. Errors of writing come back, so that a closed pipe ends the command quietly.
pub struct Output {
    stdout: Stdout,
    json: bool,
    pretty: bool,
    /// How often -v was given.
    pub verbose: u8,
}

impl Output {
    pub(super) fn new(global: &Global) -> Self {
        Self {
            stdout: io::stdout(),
            json: global.json || global.output == Format::Json,
            pretty: global.pretty,
            verbose: global.verbose,
        }
    }

    /// True when the caller wants JSON.
    pub fn wants_json(&self) -> bool {
        self.json
    }

    /// Prints one JSON value and a line end.
    pub fn json(&mut self, value: &impl Serialize) -> Result<()> {
        let mut text =
            if self.pretty { serde_json::to_string_pretty(value)? } else { serde_json::to_string(value)? };
        text.push('\n');
        self.text(&text)
    }

    /// Prints text as it is and flushes, so that a reader of a pipe sees each line when it is said.
    pub fn text(&mut self, text: &str) -> Result<()> {
        let mut stdout = self.stdout.lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()?;
        Ok(())
    }

    /// Prints one line.
    pub fn line(&mut self, line: impl AsRef<str>) -> Result<()> {
        self.text(&format!("{}\n", line.as_ref()))
    }
}
