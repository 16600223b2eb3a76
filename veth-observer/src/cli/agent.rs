//! `veth-observer agent`: all pairs of this host, for as long as it runs.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use sd_notify::{NotifyState, notify, watchdog_enabled};
use serde::Serialize;
use tokio::time::{Instant, sleep_until};
use tracing::warn;

use super::{
    observing::loss_timeout,
    output::{self, Output},
    stop::Stop,
};
use crate::{
    agent::{
        http::{Flags, Limits, Serving},
        otlp::{self, Pushing},
        source::Source,
    },
    attach::Method,
    fault::Fault,
    kernel::{self, features},
    model::{
        SCHEMA,
        report::PairReport,
        snapshot::{AgentState, PairState, Snapshot},
    },
    observe::fleet::{Fleet, Selection, Settings},
    topology::Selector,
    view::metrics::Versions,
};

#[derive(Debug, Args)]
pub struct Agent {
    /// Observe only such pairs; may be given several times: NAME, container:NAME, pod:NS/NAME, netns:NS/NAME or pair:NAME
    #[arg(long, value_name = "SELECTOR")]
    pairs: Vec<Selector>,
    /// Do not observe such pairs
    #[arg(long, value_name = "SELECTOR")]
    exclude: Vec<Selector>,
    /// Observe at most so many pairs, and only count the rest
    #[arg(long, default_value_t = 1000, value_name = "N")]
    max_pairs: usize,
    /// Count a frame as lost when it has not arrived after this long, from 100ms to 1m
    #[arg(long, value_parser = loss_timeout, default_value = "2s", value_name = "DURATION")]
    loss_timeout: Duration,
    /// Print a report so often, as JSON lines
    #[arg(long, value_parser = humantime::parse_duration, value_name = "DURATION")]
    interval: Option<Duration>,
    /// Print one report as soon as all pairs are observed, and end; nothing is served then
    #[arg(long, conflicts_with = "interval")]
    once: bool,
    #[command(flatten)]
    web: Flags,
    #[command(flatten)]
    otlp: otlp::Flags,
}

/// One moment, as one line.
#[derive(Serialize)]
struct Line<'a> {
    schema: u32,
    pairs: Vec<Row<'a>>,
    agent: &'a AgentState,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    report: &'a PairReport,
    state: &'a PairState,
}

impl Agent {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        if self.loss_timeout < Settings::SHORTEST_TIMEOUT {
            return Err(Fault::usage("an agent cannot tell that a frame is lost in less than 100ms")
                .fix("--loss-timeout 100ms")
                .into());
        }
        let mut stop = Stop::new()?;
        let (source, mut requests) = Source::new();
        // First, so that a port in use is said before anything is attached.
        let pushing = (!self.once).then(|| push(&self.otlp, source.clone())).transpose()?;
        let _serving = (!self.once).then(|| serve(&self.web, source)).transpose()?;
        let pushing = pushing.flatten();
        let mut fleet = Fleet::start(Settings {
            selection: Selection { pairs: self.pairs, exclude: self.exclude },
            max_pairs: self.max_pairs,
            loss_timeout: self.loss_timeout,
            attach: Method::Auto,
        });
        tell(&NotifyState::Ready);
        // Twice as often as the service manager wants a sign of life.
        let pulse = watchdog_enabled().map(|patience| patience / 2);
        let mut beat = pulse.map(|pulse| Instant::now() + pulse);
        let mut next = self.interval.map(|interval| Instant::now() + interval);
        loop {
            tokio::select! {
                event = fleet.event() => fleet.handle(event).await,
                () = requests.due() => requests.answer(snapshot(&mut fleet, pushing.as_ref())),
                () = until(next) => {
                    print(out, &snapshot(&mut fleet, pushing.as_ref()))?;
                    next = self.interval.map(|interval| Instant::now() + interval);
                }
                () = until(beat) => {
                    tell(&NotifyState::Watchdog);
                    beat = pulse.map(|pulse| Instant::now() + pulse);
                }
                () = stop.wait() => {
                    tell(&NotifyState::Stopping);
                    if let Some(pushing) = pushing {
                        let last = snapshot(&mut fleet, Some(&pushing));
                        pushing.finish(last);
                    }
                    return Ok(());
                }
            }
            if self.once && fleet.is_settled() {
                return print(out, &fleet.snapshot());
            }
        }
    }
}

/// What is known now, with what became of it where it is pushed.
fn snapshot(fleet: &mut Fleet, pushing: Option<&Pushing>) -> Snapshot {
    let mut snapshot = fleet.snapshot();
    snapshot.agent.push = pushing.map(Pushing::state);
    snapshot
}

/// Pushes until it is dropped, where that is asked for, and says where to.
fn push(flags: &otlp::Flags, source: Source) -> Result<Option<Pushing>> {
    let pushing = Pushing::start(flags, source, versions())?;
    if let Some(pushing) = &pushing {
        output::note(format!("pushing metrics to {}", pushing.target()));
    }
    Ok(pushing)
}

fn versions() -> Versions {
    Versions { observer: kernel::VERSION, kernel: features::kernel_release() }
}

/// Serves until it is dropped, and says where.
fn serve(flags: &Flags, source: Source) -> Result<Serving> {
    let serving = Serving::start(flags, Limits::default(), source, versions())?;
    for address in serving.addresses() {
        output::note(format!("serving on {address}; {} has the metrics", flags.telemetry_path));
    }
    Ok(serving)
}

/// Tells systemd, where it started us with `Type=notify`.
fn tell(state: &NotifyState<'_>) {
    if let Err(error) = notify(std::slice::from_ref(state)) {
        warn!("cannot tell the service manager: {error}");
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn print(out: &mut Output, snapshot: &Snapshot) -> Result<()> {
    let pairs = snapshot.pairs().map(|(report, state)| Row { report, state }).collect();
    out.json(&Line { schema: SCHEMA, pairs, agent: &snapshot.agent })
}
