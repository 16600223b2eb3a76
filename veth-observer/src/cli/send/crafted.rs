//! Crafted frames, one after the other, without looking whether they arrive.

use std::{fmt::Write as _, time::Instant};

use anyhow::Result;
use futures_util::FutureExt as _;
use serde::Serialize;

use super::{
    Frames, Send,
    device::{dropped_all, explain, note_if_down, open},
};
use crate::{
    cli::{output::Output, stop::Stop},
    frame::{
        describe::{Description, describe},
        hex,
    },
    model::{SCHEMA, link::End},
    topology::Selected,
    view::{decode, escape, line, units},
    wire::PacketSocket,
};

pub(super) async fn run(
    send: &Send,
    selected: &Selected,
    from: usize,
    frames: &Frames,
    out: &mut Output,
) -> Result<()> {
    let [sender, receiver] = [&selected.pair.ends[from], &selected.pair.ends[1 - from]];
    let socket = open(selected, from)?;
    note_if_down(receiver);
    let mut stop = Stop::new()?;
    let mut tally = Tally::default();
    let started = Instant::now();
    let outcome = send_all(send, &socket, sender, frames, &mut stop, &mut tally, out).await;
    tally.elapsed_ns = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
    // What was sent before something failed was sent all the same.
    if outcome.is_ok() || tally.sent > 0 {
        sum_up(send, out, [sender, receiver], &frames.get(1)?, &tally)?;
    }
    outcome?;
    if tally.sent == 0 && tally.refused > 0 {
        return Err(dropped_all(sender));
    }
    Ok(())
}

/// Sends until all are sent, something fails or a signal comes.
async fn send_all(
    send: &Send,
    socket: &PacketSocket,
    sender: &End,
    frames: &Frames,
    stop: &mut Stop,
    tally: &mut Tally,
    out: &mut Output,
) -> Result<()> {
    for number in 1..=send.many() {
        let stopped = match send.interval {
            Some(interval) if number > 1 => tokio::time::timeout(interval, stop.wait()).await.is_ok(),
            _ => stop.wait().now_or_never().is_some(),
        };
        if stopped {
            return Ok(());
        }
        let frame = frames.get(number)?;
        match socket.send(&frame) {
            Ok(()) => tally.add(frame.len()),
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                tally.refused += 1;
                continue;
            }
            Err(error) => return Err(explain(error, sender)),
        }
        if send.interval.is_some() && send.many() > 1 && !out.wants_json() {
            out.line(sent(sender, &frame))?;
        }
    }
    Ok(())
}

fn sum_up(send: &Send, out: &mut Output, ends: [&End; 2], first: &[u8], tally: &Tally) -> Result<()> {
    let [sender, receiver] = ends;
    if out.wants_json() {
        let (from, to) = (sender.label(), receiver.label());
        let frame = describe(first, first.len());
        return out.json(&Summary { schema: SCHEMA, from: &from, to: &to, tally, frame });
    }
    if send.many() == 1 && tally.sent == 1 {
        return out.line(sent(sender, first));
    }
    let mut text = format!(
        "sent {} frames, {} B on {} in {}",
        tally.sent,
        tally.bytes,
        escape::name(&sender.label()),
        units::duration(tally.elapsed_ns, out.style())
    );
    if send.interval.is_none() {
        let _ = write!(text, "  {}", line::summary(&describe(first, first.len())));
    }
    if tally.refused > 0 {
        let _ = write!(text, "\n{} more dropped on the way out: queue full or peer down", tally.refused);
    }
    out.line(text)
}

/// What became of the frames so far.
#[derive(Debug, Default, Serialize)]
struct Tally {
    /// Frames the device took.
    sent: u64,
    /// Their bytes.
    bytes: u64,
    /// Frames the device or its queueing discipline dropped at once (ENOBUFS).
    refused: u64,
    elapsed_ns: u64,
}

impl Tally {
    fn add(&mut self, bytes: usize) {
        self.sent += 1;
        self.bytes += u64::try_from(bytes).unwrap_or(0);
    }
}

#[derive(Serialize)]
struct Summary<'a> {
    schema: u32,
    from: &'a str,
    to: &'a str,
    #[serde(flatten)]
    tally: &'a Tally,
    /// The first frame.
    frame: Description,
}

#[derive(Serialize)]
struct Shown {
    schema: u32,
    dry_run: bool,
    bytes: usize,
    frame_hex: String,
    frame: Description,
}

/// Prints a frame instead of sending it.
pub(super) fn show(out: &mut Output, frame: &[u8]) -> Result<()> {
    if out.wants_json() {
        return out.json(&Shown {
            schema: SCHEMA,
            dry_run: true,
            bytes: frame.len(),
            frame_hex: hex::digits(frame),
            frame: describe(frame, frame.len()),
        });
    }
    out.text(&format!("would send {} B\n{}", frame.len(), decode::decode(frame)))
}

pub(super) fn sent(sender: &End, frame: &[u8]) -> String {
    let what = line::summary(&describe(frame, frame.len()));
    format!("sent {} B on {}  {what}", frame.len(), escape::name(&sender.label()))
}
