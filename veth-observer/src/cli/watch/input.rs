//! `--input-file`: frames that `watch -j` wrote, read back.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, stdin},
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use tokio::sync::mpsc;

use super::{choice::Choice, printer::Printer};
use crate::{
    cli::{
        output::{self, Output},
        stop::Stop,
    },
    model::SCHEMA,
    view::object::{Line, OtherSchema, Summary, read},
};

/// Longer than any line of ours: the longest frame in hex, and what is said of it.
const LONGEST: u64 = 1 << 18;

/// Lines that are read ahead together, and such batches.
const BATCH: usize = 256;
const AHEAD: usize = 16;

/// After Ctrl-C, how long what wrote the lines may take to end: it has heard of it too.
const GRACE: Duration = Duration::from_secs(1);

/// What was read.
#[derive(Debug, Default, Serialize)]
pub(super) struct Tally {
    #[serde(flatten)]
    summary: Summary,
    /// Frames.
    read: u64,
    /// Lines that were something else.
    foreign: u64,
    #[serde(skip)]
    lines: u64,
    /// Told while frames were going on, and in no summary yet.
    #[serde(skip)]
    so_far: Option<Summary>,
    #[serde(skip)]
    summaries: u64,
}

pub(super) async fn run(path: &Path, choice: &Choice, mut printer: Printer, out: &mut Output) -> Result<()> {
    let mut stop = Stop::new()?;
    let mut lines = lines(path)?;
    let mut tally = Tally::default();
    let mut asked = false;
    while !printer.has_enough() {
        tokio::select! {
            () = stop.wait() => {
                if asked {
                    break;
                }
                asked = true;
                stop.within(Some(GRACE));
            }
            batch = lines.recv() => {
                let Some(batch) = batch else { break };
                let batch = batch.with_context(|| format!("cannot read {}", path.display()))?;
                tally.take(batch, choice, &mut printer, out)?;
            }
        }
    }
    tally.say(&printer, choice, out)
}

impl Tally {
    pub(super) fn take(
        &mut self,
        batch: Vec<Vec<u8>>,
        choice: &Choice,
        printer: &mut Printer,
        out: &mut Output,
    ) -> Result<()> {
        let mut frames = Vec::with_capacity(batch.len());
        let mut refused = None;
        for line in batch {
            self.lines += 1;
            match read(&line) {
                Ok(Line::Frame(frame)) => {
                    self.read += 1;
                    frames.push(*frame);
                }
                Ok(Line::Summary(summary)) => {
                    self.summaries += 1;
                    self.so_far = None;
                    self.add(summary);
                }
                Ok(Line::Progress(summary)) => self.so_far = Some(summary),
                Ok(Line::Foreign) => self.foreign += 1,
                Err(OtherSchema(schema)) => {
                    refused = Some(schema);
                    break;
                }
            }
        }
        printer.print(out, frames.into_iter().filter(|frame| choice.takes_object(frame)))?;
        if let Some(schema) = refused.filter(|_| !printer.has_enough()) {
            bail!(
                "line {} has \"schema\": {schema} and this version reads {SCHEMA}: use the version that wrote it",
                self.lines
            );
        }
        Ok(())
    }

    fn add(&mut self, summary: Summary) {
        let sum = |total: &mut Option<u64>, more: Option<u64>| {
            if let Some(more) = more {
                *total = Some(total.unwrap_or_default() + more);
            }
        };
        sum(&mut self.summary.sampled, summary.sampled);
        sum(&mut self.summary.skipped, summary.skipped);
        sum(&mut self.summary.filtered, summary.filtered);
        sum(&mut self.summary.lost, summary.lost);
        self.summary.ended = summary.ended.or(self.summary.ended.take());
    }

    /// Whether it was said what was left out so far.
    pub(super) fn has_progress(&self) -> bool {
        self.so_far.is_some()
    }

    /// Whether what was read came to its end.
    pub(super) fn has_ended(&self) -> bool {
        self.summaries > 0
    }

    /// What was said so far is old.
    pub(super) fn forget_progress(&mut self) {
        self.so_far = None;
    }

    pub(super) fn say(mut self, printer: &Printer, choice: &Choice, out: &mut Output) -> Result<()> {
        if let Some(summary) = self.so_far.take() {
            self.add(summary);
        }
        self.summary.printed = printer.printed();
        if out.wants_json() {
            return out.json(&serde_json::json!({ "schema": SCHEMA, "summary": self }));
        }
        if let Some(why) = &self.summary.ended {
            output::note(format!("what was read ended early: {why}"));
        }
        if self.foreign > 0 {
            output::note(format!("{} lines were no frames of watch -j", self.foreign));
        }
        self.summary.filtered = self.summary.filtered.filter(|&filtered| filtered > 0);
        let mut text = super::sentence(&self.summary, choice.is_narrow().then_some(self.read));
        if self.summary.lost.is_none() {
            text += "; what was left out when it was written is not told";
        }
        output::note(text);
        Ok(())
    }
}

type Batches = mpsc::Receiver<std::io::Result<Vec<Vec<u8>>>>;

/// Lines of a file, or of standard input, as they come. They are read on a thread of their own, which nobody waits for: a
/// terminal may never end.
fn lines(path: &Path) -> Result<Batches> {
    let source: Box<dyn Read + Send> = if path == Path::new("-") {
        Box::new(stdin())
    } else {
        Box::new(File::open(path).with_context(|| format!("cannot open {}", path.display()))?)
    };
    let (sender, batches) = mpsc::channel(AHEAD);
    let mut source = BufReader::with_capacity(1 << 16, source);
    std::thread::Builder::new().name("input".into()).spawn(move || {
        loop {
            let batch = batch(&mut source);
            let failed = batch.is_err();
            let at_end = batch.as_ref().is_ok_and(Vec::is_empty);
            if at_end || sender.blocking_send(batch).is_err() || failed {
                return;
            }
        }
    })?;
    Ok(batches)
}

/// The next lines, as far as they can be had without waiting, but one at least; none at the end.
fn batch(source: &mut BufReader<impl Read>) -> std::io::Result<Vec<Vec<u8>>> {
    let mut lines = Vec::new();
    while lines.len() < BATCH && (lines.is_empty() || source.buffer().contains(&b'\n')) {
        let mut line = Vec::new();
        if source.by_ref().take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.last() != Some(&b'\n') && line.len() as u64 == LONGEST {
            source.skip_until(b'\n')?;
        }
        lines.push(line);
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(text: &[u8]) -> Vec<Vec<Vec<u8>>> {
        let mut source = BufReader::new(text);
        std::iter::from_fn(|| Some(batch(&mut source).unwrap()).filter(|lines| !lines.is_empty())).collect()
    }

    #[test]
    fn lines_come_together_and_the_last_needs_no_end() {
        assert_eq!(batches(b""), Vec::<Vec<Vec<u8>>>::new());
        assert_eq!(batches(b"a\n\nb\nc").concat(), [&b"a\n"[..], b"\n", b"b\n", b"c"]);
        assert_eq!(batches(&b"x\n".repeat(BATCH + 1)).iter().map(Vec::len).collect::<Vec<_>>(), [BATCH, 1]);
    }

    #[test]
    fn a_line_without_end_takes_no_memory_without_end() {
        let text = [&b"y".repeat(3 << 20)[..], b"\nnext\n"].concat();
        let lines = batches(&text).concat();
        assert_eq!((lines.len(), lines[0].len() as u64, &lines[1][..]), (2, LONGEST, &b"next\n"[..]));
    }

    #[test]
    fn what_was_left_out_is_added_up() {
        let mut tally = Tally::default();
        tally.add(Summary { lost: Some(2), ended: Some("gone".into()), ..Summary::default() });
        tally.add(Summary { lost: Some(3), skipped: Some(1), ..Summary::default() });
        assert_eq!(
            (tally.summary.lost, tally.summary.skipped, tally.summary.filtered),
            (Some(5), Some(1), None)
        );
        assert_eq!(tally.summary.ended.as_deref(), Some("gone"));
    }
}
