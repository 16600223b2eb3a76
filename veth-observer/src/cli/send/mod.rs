//! `send`: frames from one end of a pair, crafted ones or those of a capture file.

mod crafted;
mod device;
mod flags;
mod replay;
mod verify;

use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::output::Output;
use crate::{cli::observing::Attach, fault::Fault, topology};
pub(super) use device::{explain, open};
use flags::{FrameFlags, Frames};
use replay::Replay;

const EXAMPLES: &str = "\
Examples:
  veth-observer send vethX --ip4 1.1.1.1,2.2.2.2 --tcp 1111,2222 --payload 123
  veth-observer send vethX --verify
  veth-observer send vethX --from b --ip6 fd00::1,fd00::2 --icmp --size 1514
  veth-observer send vethX -c 10 --interval 100ms
  veth-observer send vethX --replay web.pcap --speed 2 --verify";

/// Send Ethernet frames from one end: crafted ones, or those of a capture file
///
/// Without flags: one frame with the EtherType for experiments, from the end that was named to its peer.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Send {
    /// The pair, by either end: NAME, ifindex:N, container:NAME, pod:NS/NAME or netns:NETNS/NAME
    #[arg(value_parser = super::alias::resolved)]
    pair: String,
    /// The end that sends: a is the one that was named, b its peer
    #[arg(long, value_enum, default_value_t = Side::A, hide_possible_values = true, value_name = "a|b")]
    from: Side,
    /// How many frames [default: 1, or with --replay all of them]
    #[arg(short, long, value_parser = clap::value_parser!(u64).range(1..), value_name = "N")]
    count: Option<u64>,
    /// Pause between two frames, for example 100ms
    #[arg(long, value_parser = humantime::parse_duration, value_name = "DURATION")]
    interval: Option<Duration>,
    /// Print the first frame, decoded and in hex, and send nothing; with both MACs or --frame-hex no pair is looked up. With
    /// --replay: say how much would be sent, and what would be skipped
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
    #[command(flatten)]
    replay: Replay,
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
    /// How many crafted frames.
    fn many(&self) -> u64 {
        self.count.unwrap_or(1)
    }

    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        if self.dry_run && self.frame.complete() {
            return crafted::show(out, &self.frame.frames([None; 2])?.get(1)?);
        }
        if !self.verify && self.attach.given().is_some() {
            return Err(Fault::usage("--attach, --hook and --xdp-mode say how --verify sees a frame arrive")
                .fix("--verify, or leave them out")
                .into());
        }
        let selected = topology::select(&self.pair).await?;
        let from = usize::from(self.from == Side::B);
        if let Some(file) = &self.replay.file {
            return Box::pin(replay::run(&self, file, &selected, from, out)).await;
        }
        let [sender, receiver] = [&selected.pair.ends[from], &selected.pair.ends[1 - from]];
        let macs = [sender, receiver].map(|end| end.mac.as_deref().and_then(|mac| mac.parse().ok()));
        let frames = self.frame.frames(macs)?;
        device::fits(&frames.get(1)?, sender)?;
        if self.dry_run {
            return crafted::show(out, &frames.get(1)?);
        }
        if self.verify {
            return verify::run(&self, &selected, from, &frames, out).await;
        }
        crafted::run(&self, &selected, from, &frames, out).await
    }
}

#[cfg(test)]
mod tests;
