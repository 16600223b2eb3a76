//! `send --replay`: the frames of a capture file.

mod verify;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};
use clap::Args;
use serde::Serialize;
use tokio::task::JoinHandle;

use super::{
    Send,
    device::{dropped_all, explain, note_if_down, open},
};
use crate::{
    cli::{output::Output, stop::Stop},
    fault::Fault,
    model::{
        SCHEMA,
        link::End,
        replay::{Contents, Replayed, Verification},
    },
    replay::{Capture, Plan, Stopped, Tempo, play, survey},
    topology::Selected,
    view,
    wire::PacketSocket,
};

/// What says how to craft a frame.
const CRAFTED: [&str; 10] = [
    "interval",
    "src_mac",
    "dst_mac",
    "ethertype",
    "vlan",
    "ip",
    "transport",
    "payload",
    "size",
    "frame_hex",
];

/// The frames of a file instead of crafted ones.
#[derive(Debug, Args)]
#[command(next_help_heading = "Replay")]
pub(super) struct Replay {
    /// Send the Ethernet frames of a pcap or pcapng file, as they were recorded; all of it is read before anything is sent.
    /// What was cut, is no Ethernet frame or is longer than the MTU allows is skipped and counted
    #[arg(long = "replay", value_name = "FILE", conflicts_with_all = CRAFTED)]
    pub(super) file: Option<PathBuf>,
    /// So many times as fast as it was recorded, or max: as fast as the device takes frames
    #[arg(long, requires = "file", conflicts_with_all = CRAFTED, value_name = "X|max", value_parser = speed)]
    speed: Option<Tempo>,
    /// At an even pace instead, in frames per second
    #[arg(long, requires = "file", conflicts_with_all = CRAFTED, conflicts_with = "speed", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pps: Option<u32>,
    /// Send the file so often, one time after the other
    #[arg(long = "loop", requires = "file", conflicts_with_all = CRAFTED, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
}

/// All of it, as JSON gives it.
#[derive(Serialize)]
struct Summary<'a> {
    schema: u32,
    from: &'a str,
    to: &'a str,
    file: String,
    contents: &'a Contents,
    #[serde(flatten)]
    replayed: Option<&'a Replayed>,
    #[serde(flatten)]
    planned: Option<Planned>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<&'a Verification>,
}

/// What `--dry-run` says.
#[derive(Serialize)]
struct Planned {
    dry_run: bool,
    frames: u64,
    /// None where a count ends it within the file.
    bytes: Option<u64>,
    duration_ns: Option<u64>,
}

impl Replay {
    fn tempo(&self) -> Tempo {
        let even = self.pps.map(Tempo::Even);
        even.or(self.speed).unwrap_or(Tempo::Recorded { speed: 1.0 })
    }
}

pub(super) async fn run(
    send: &Send,
    file: &Path,
    selected: &Selected,
    from: usize,
    out: &mut Output,
) -> Result<()> {
    let [sender, receiver] = [&selected.pair.ends[from], &selected.pair.ends[1 - from]];
    let mut stop = Stop::new()?;
    let (path, mtu) = (file.to_owned(), sender.mtu);
    let surveyed = tokio::task::spawn_blocking(move || survey(Capture::open(&path)?, mtu));
    let contents = tokio::select! {
        contents = surveyed => contents.context("reading the file failed")??,
        () = stop.wait() => return Ok(()),
    };
    let (shown, style) = (file.display().to_string(), out.style());
    let (near, far) = (sender.label(), receiver.label());
    let words = view::replay::Words { file: &shown, from: &near, to: &far, contents: &contents, style };
    let summary = |replayed, planned, verified| {
        let (file, contents) = (shown.clone(), &contents);
        Summary { schema: SCHEMA, from: &near, to: &far, file, contents, replayed, planned, verified }
    };
    let plan = Plan {
        file: file.to_owned(),
        tempo: send.replay.tempo(),
        mtu,
        count: send.count,
        rounds: send.replay.rounds,
    };
    if send.dry_run {
        let planned = planned(&plan, &contents);
        if out.wants_json() {
            return out.json(&summary(None, Some(planned), None));
        }
        let duration = planned.duration_ns;
        return out.text(&words.planned(planned.frames, planned.bytes, duration));
    }
    if contents.frames == 0 {
        return Err(anyhow!("{}", words.nothing()));
    }
    let (replayed, outcome, verified) = if send.verify {
        verify::run(send, selected, from, plan, &contents, &mut stop, out).await?
    } else {
        note_if_down(receiver);
        let mut player = Player::start(plan, open(selected, from)?, |_| {});
        let (replayed, outcome) = player.done(&mut stop).await?;
        (replayed, outcome, None)
    };
    if out.wants_json() {
        out.json(&summary(Some(&replayed), None, verified.as_ref()))?;
    } else {
        out.text(&words.sent(&replayed))?;
        if let Some(verified) = &verified {
            out.text(&words.verified(verified))?;
        }
    }
    outcome.map_err(|stopped| cause(stopped, sender))?;
    if replayed.sent == 0 && replayed.refused > 0 && verified.is_none() {
        return Err(dropped_all(sender));
    }
    match verified {
        Some(verified) if !verified.is_complete() => Err(Fault::breached(words.breach(&verified)).into()),
        _ => Ok(()),
    }
}

/// What would be sent, as far as the file alone tells.
fn planned(plan: &Plan, contents: &Contents) -> Planned {
    let all = contents.frames.saturating_mul(plan.rounds);
    let frames = plan.count.map_or(all, |count| count.min(all));
    let is_whole = frames == all;
    let recorded = Duration::from_nanos(contents.recorded_ns.saturating_mul(plan.rounds));
    let known = is_whole || !matches!(plan.tempo, Tempo::Recorded { .. });
    let lasts = plan.tempo.lasts(frames, recorded);
    Planned {
        dry_run: true,
        frames,
        bytes: is_whole.then(|| contents.bytes.saturating_mul(plan.rounds)),
        duration_ns: known.then(|| u64::try_from(lasts.as_nanos()).unwrap_or(u64::MAX)),
    }
}

/// A replay at work on a thread of its own. Dropped, it stops.
struct Player {
    stop: Arc<AtomicBool>,
    task: JoinHandle<(Replayed, Result<(), Stopped>)>,
}

impl Player {
    fn start(
        plan: Plan,
        socket: PacketSocket,
        before: impl FnMut(&[u8]) + std::marker::Send + 'static,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let task = tokio::task::spawn_blocking(move || play(&plan, &socket, &flag, before));
        Self { stop, task }
    }

    fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Returns when it is done, early after a signal.
    async fn done(&mut self, stop: &mut Stop) -> Result<(Replayed, Result<(), Stopped>)> {
        loop {
            tokio::select! {
                done = &mut self.task => return done.context("the replay failed"),
                () = stop.wait() => self.stop(),
            }
        }
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.stop();
    }
}

fn cause(stopped: Stopped, sender: &End) -> anyhow::Error {
    match stopped {
        Stopped::File(error) => error,
        Stopped::Wire(error) => explain(error, sender),
    }
}

// A parser for clap, which hands errors on as text.
fn speed(text: &str) -> Result<Tempo, String> {
    match text.parse::<f64>() {
        _ if text == "max" => Ok(Tempo::Unpaced),
        Ok(speed) if speed.is_finite() && speed > 0.0 => Ok(Tempo::Recorded { speed }),
        _ => Err("give a number above 0, such as 2 or 0.5, or max".into()),
    }
}
