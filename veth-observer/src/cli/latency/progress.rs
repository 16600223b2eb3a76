//! How far a measurement is, on a terminal.

use std::{
    fmt::Write as _,
    io::{IsTerminal, Write, stderr},
    time::Duration,
};

use crate::{
    model::report::PairReport,
    view::{Style, units},
};

/// One line on standard error that is written over and over, and gone at the end.
pub(super) struct Progress {
    style: Style,
    until: Option<Duration>,
    count: Option<u64>,
    /// Columns to blank; none when nobody looks.
    written: Option<usize>,
}

impl Progress {
    /// `wanted` is false where it would disturb: with JSON, or beside a command that has the terminal.
    pub(super) fn new(wanted: bool, style: Style, until: Option<Duration>, count: Option<u64>) -> Self {
        Self { style, until, count, written: (wanted && stderr().is_terminal()).then_some(0) }
    }

    pub(super) fn show(&mut self, pair: &PairReport, done: u64) {
        if self.written.is_some() {
            let text = line(pair.elapsed_ns, done, self.until, self.count, self.style);
            self.write(&text);
        }
    }

    fn write(&mut self, text: &str) {
        if let Some(before) = self.written {
            let width = text.chars().count();
            // Nobody is left to tell when standard error is closed.
            let _ = write!(stderr(), "\r{text:<before$}\r");
            self.written = Some(width);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.write("");
    }
}

fn line(elapsed_ns: u64, done: u64, until: Option<Duration>, count: Option<u64>, style: Style) -> String {
    let mut text = units::duration(elapsed_ns, style);
    if let Some(until) = until {
        let until = u64::try_from(until.as_nanos()).unwrap_or(u64::MAX);
        let _ = write!(text, " of {}", units::duration(until, style));
    }
    let _ = write!(text, ", {done}");
    if let Some(count) = count {
        let _ = write!(text, " of {count}");
    }
    text.push_str(" frames received");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_it_is() {
        let style = Style { unicode: true };
        assert_eq!(line(1_500_000_000, 7, None, None, style), "1.50 s, 7 frames received");
        let until = Some(Duration::from_secs(10));
        assert_eq!(
            line(2_000_000_000, 70, until, Some(100), style),
            "2.00 s of 10.0 s, 70 of 100 frames received"
        );
    }
}
