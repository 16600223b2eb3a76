//! `send`: one crafted frame or many, from one end of a pair.

mod flags;
mod verify;

use std::{
    fmt::Write as _,
    io,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};
use futures_util::FutureExt as _;
use serde::Serialize;

use super::{
    output::{self, Output},
    stop::Stop,
};
use crate::{
    cli::observing::Attach,
    fault::Fault,
    frame::{
        craft::{HEADER, VLAN_TAG},
        describe::{Description, describe},
        hex,
    },
    model::{SCHEMA, link::End},
    topology::{self, Selected},
    view::{decode, escape, line, units},
    wire::PacketSocket,
};
use flags::{FrameFlags, Frames};

const EXAMPLES: &str = "\
Examples:
  veth-observer send vethX --src-mac 22:11:11:11:11:11 --dst-mac 22:22:22:22:22:22 \\
      --ip4 1.1.1.1,2.2.2.2 --tcp 1111,2222 --payload 123
  veth-observer send vethX --verify
  veth-observer send vethX --from b --ip6 fd00::1,fd00::2 --icmp --size 1514 -c 10 --interval 100ms";

/// Send crafted Ethernet frames from one end
///
/// Without flags: one frame with the EtherType for experiments, from the end that was named to its peer.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Send {
    /// The pair, by either end: NAME, ifindex:N, container:NAME, pod:NS/NAME or netns:NETNS/NAME
    pair: String,
    /// The end that sends: a is the one that was named, b its peer
    #[arg(long, value_enum, default_value_t = Side::A, hide_possible_values = true, value_name = "a|b")]
    from: Side,
    /// How many frames
    #[arg(short, long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..), value_name = "N")]
    count: u64,
    /// Pause between two frames, for example 100ms
    #[arg(long, value_parser = humantime::parse_duration, value_name = "DURATION")]
    interval: Option<Duration>,
    /// Print the first frame, decoded and in hex, and send nothing; with both MACs or --frame-hex no pair is looked up
    #[arg(long, conflicts_with = "verify")]
    dry_run: bool,
    /// Wait for each frame at the other end, and exit with 5 if one does not come
    #[arg(long)]
    verify: bool,
    /// How long to wait with --verify
    #[arg(long, default_value = "1s", requires = "verify", value_parser = humantime::parse_duration, value_name = "DURATION")]
    timeout: Duration,
    #[command(flatten)]
    attach: Attach,
    // Last, because its heading would stand over whatever follows.
    #[command(flatten)]
    frame: FrameFlags,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Side {
    A,
    B,
}

impl Send {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        if self.dry_run && self.frame.complete() {
            return show(out, &self.frame.frames([None; 2])?.get(1)?);
        }
        let selected = topology::select(&self.pair).await?;
        let from = usize::from(self.from == Side::B);
        let [sender, receiver] = [&selected.pair.ends[from], &selected.pair.ends[1 - from]];
        let macs = [sender, receiver].map(|end| end.mac.as_deref().and_then(|mac| mac.parse().ok()));
        let frames = self.frame.frames(macs)?;
        fits(&frames.get(1)?, sender)?;
        if self.dry_run {
            return show(out, &frames.get(1)?);
        }
        if self.verify {
            return verify::run(&self, &selected, from, &frames, out).await;
        }
        let socket = open(&selected, from)?;
        if receiver.operstate.as_deref() == Some("down") {
            // The kernel takes such frames without a word: the end that sends has no carrier, so no queue either.
            output::note(format!("{} is down: no frame will arrive", escape::name(&receiver.label())));
        }
        let mut stop = Stop::new()?;
        let mut tally = Tally::default();
        let started = Instant::now();
        let outcome = self.send_all(&socket, sender, &frames, &mut stop, &mut tally, out).await;
        tally.elapsed_ns = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        // What was sent before something failed was sent all the same.
        if outcome.is_ok() || tally.sent > 0 {
            self.sum_up(out, [sender, receiver], &frames.get(1)?, &tally)?;
        }
        outcome?;
        if tally.sent == 0 && tally.refused > 0 {
            let name = escape::name(&sender.label()).into_owned();
            return Err(anyhow!(
                "{name} dropped every frame on the way out: its queue is full or its peer is down"
            ));
        }
        Ok(())
    }

    /// Sends until all are sent, something fails or a signal comes.
    async fn send_all(
        &self,
        socket: &PacketSocket,
        sender: &End,
        frames: &Frames,
        stop: &mut Stop,
        tally: &mut Tally,
        out: &mut Output,
    ) -> Result<()> {
        for number in 1..=self.count {
            let stopped = match self.interval {
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
            if self.interval.is_some() && self.count > 1 && !out.wants_json() {
                out.line(sent(sender, &frame))?;
            }
        }
        Ok(())
    }

    fn sum_up(&self, out: &mut Output, ends: [&End; 2], first: &[u8], tally: &Tally) -> Result<()> {
        let [sender, receiver] = ends;
        if out.wants_json() {
            let (from, to) = (sender.label(), receiver.label());
            let frame = describe(first, first.len());
            return out.json(&Summary { schema: SCHEMA, from: &from, to: &to, tally, frame });
        }
        if self.count == 1 && tally.sent == 1 {
            return out.line(sent(sender, first));
        }
        let mut text = format!(
            "sent {} frames, {} B on {} in {}",
            tally.sent,
            tally.bytes,
            escape::name(&sender.label()),
            units::duration(tally.elapsed_ns, out.style())
        );
        if self.interval.is_none() {
            let _ = write!(text, "  {}", line::summary(&describe(first, first.len())));
        }
        if tally.refused > 0 {
            let _ = write!(text, "\n{} more dropped on the way out: queue full or peer down", tally.refused);
        }
        out.line(text)
    }
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

fn show(out: &mut Output, frame: &[u8]) -> Result<()> {
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

fn sent(sender: &End, frame: &[u8]) -> String {
    let what = line::summary(&describe(frame, frame.len()));
    format!("sent {} B on {}  {what}", frame.len(), escape::name(&sender.label()))
}

/// A device takes its MTU plus an Ethernet header, and a tag more when there is one (`packet_snd` in the kernel).
fn fits(frame: &[u8], sender: &End) -> Result<(), Fault> {
    let tag = if frame.get(12..14) == Some(&[0x81, 0x00]) { VLAN_TAG } else { 0 };
    let most = sender.mtu.and_then(|mtu| usize::try_from(mtu).ok()).map(|mtu| mtu + HEADER + tag);
    match most {
        Some(most) if frame.len() > most => Err(Fault::usage(format!(
            "a frame of {} bytes is too long for {}, which takes {most} (its MTU and the Ethernet header)",
            frame.len(),
            escape::name(&sender.label())
        ))),
        _ => Ok(()),
    }
}

/// A socket on the sending end, opened inside its namespace.
pub(super) fn open(selected: &Selected, from: usize) -> Result<PacketSocket> {
    let sender = &selected.pair.ends[from];
    selected.namespaces[from]
        .run(|| PacketSocket::open(sender.ifindex))?
        .map_err(|error| explain(error, sender))
}

/// What an error of the packet socket means for the person who typed the command.
pub(super) fn explain(error: io::Error, sender: &End) -> anyhow::Error {
    let label = sender.label();
    let name = escape::name(&label);
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            Fault::denied(format!("sending on {name} needs the capability CAP_NET_RAW")).into()
        }
        Some(libc::ENETDOWN) => {
            anyhow!("{name} ({}) is down; bring it up with: ip link set {name} up", sender.netns)
        }
        Some(libc::ENODEV | libc::ENXIO) => Fault::not_found(format!("{name} is gone")).into(),
        Some(libc::EMSGSIZE) => anyhow!("{name} refused the frame: it is longer than the MTU allows"),
        _ => anyhow::Error::new(error).context(format!("cannot send on {name}")),
    }
}

#[cfg(test)]
mod tests;
