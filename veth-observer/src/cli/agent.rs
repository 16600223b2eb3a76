//! `veth-observer agent`: all pairs of this host, for as long as it runs.

mod configuration;
mod hangup;
mod keeping;

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use sd_notify::{NotifyState, notify, watchdog_enabled};
use serde::Serialize;
use tokio::{
    sync::mpsc::Receiver,
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};
use tracing::warn;

use super::{
    output::{self, Output},
    stop::Stop,
    watch::Watchers,
};
use crate::{
    agent::{
        frames,
        http::{self, Limits, Serving},
        otlp::{self, Pushing},
        source::{Requests, Source},
    },
    attach::Method,
    config::{Flags, Settings},
    kernel::{self, features},
    model::{
        SCHEMA,
        report::PairReport,
        snapshot::{AgentState, PairState, Snapshot},
    },
    observe::fleet::{self, Fleet, Selection},
    view::metrics::Versions,
};
use configuration::Configuration;
use hangup::{Asked, Hangup};
use keeping::Keeping;

/// Observe all pairs of this host, as they come, move and go, and serve the numbers over HTTP
///
/// A flag comes before an environment variable, that before the file, that before the default. SIGHUP has it read the file
/// again.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sudo veth-observer agent --exclude 'netns:host/cali*'
  sudo veth-observer agent --config agent.toml
  veth-observer config print > agent.toml      every setting, to be changed
  veth-observer config check agent.toml        what is wrong with it, and where")]
pub struct Agent {
    /// Print one report as soon as all pairs are observed, and end; nothing is served then
    #[arg(long, conflicts_with = "interval")]
    once: bool,
    #[command(flatten)]
    flags: Flags,
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
        let stop = Stop::but_for_hangups()?;
        let hangup = Hangup::new()?;
        let configuration = Configuration::read(self.flags)?;
        let (source, mut requests) = Source::new();
        let questions = requests.questions();
        // First, so that a port in use is said before anything is attached.
        let pushing = (!self.once).then(|| push(&self.otlp, source.clone())).transpose()?.flatten();
        let _serving = (!self.once).then(|| serve(&configuration.settings.web, source)).transpose()?;
        let keeping = Keeping::start(configuration.settings.declared.clone()).await;
        let fleet = Fleet::start(fleet::Settings {
            selection: selection(&configuration.settings),
            loss_timeout: configuration.settings.loss_timeout,
            attach: Method::Auto,
            last_drops: fleet::Settings::LAST_DROPS,
        });
        let running =
            Running { once: self.once, stop, hangup, configuration, requests, questions, pushing, fleet };
        let outcome = running.run(&keeping, out).await;
        keeping.finish().await;
        outcome
    }
}

struct Running {
    once: bool,
    stop: Stop,
    hangup: Hangup,
    configuration: Configuration,
    requests: Requests,
    questions: Option<Receiver<frames::Asked>>,
    pushing: Option<Pushing>,
    fleet: Fleet,
}

impl Running {
    async fn run(mut self, keeping: &Keeping, out: &mut Output) -> Result<()> {
        tell(&NotifyState::Ready);
        let watchers = Watchers::new();
        // Twice as often as the service manager wants a sign of life.
        let mut beats = watchdog_enabled().map(|patience| every(patience / 2));
        let mut reports = self.configuration.settings.interval.filter(|_| !self.once).map(every);
        loop {
            tokio::select! {
                event = self.fleet.event() => self.fleet.handle(event).await,
                () = self.requests.due() => {
                    let snapshot = self.snapshot();
                    self.requests.answer(snapshot);
                }
                Some(asked) = next_of(&mut self.questions) => {
                    let pair = self.fleet.selected(asked.id);
                    watchers.begin(asked, pair, self.configuration.settings.loss_timeout);
                }
                () = tick(&mut reports) => print(out, &self.snapshot())?,
                () = tick(&mut beats) => tell(&NotifyState::Watchdog),
                asked = self.hangup.asked() => match asked {
                    Asked::Stop => break,
                    Asked::Reload => {
                        let interval = self.configuration.settings.interval;
                        if !self.configuration.renew() {
                            continue;
                        }
                        let settings = &self.configuration.settings;
                        if settings.interval != interval {
                            reports = settings.interval.filter(|_| !self.once).map(every);
                        }
                        self.fleet.reselect(selection(settings));
                        keeping.declare(settings.declared.clone()).await;
                    }
                },
                () = self.stop.wait() => break,
            }
            if self.once && self.fleet.is_settled() {
                return print(out, &self.snapshot());
            }
        }
        tell(&NotifyState::Stopping);
        let last = self.pushing.is_some().then(|| self.snapshot());
        if let (Some(pushing), Some(last)) = (self.pushing, last) {
            pushing.finish(last);
        }
        Ok(())
    }

    fn snapshot(&mut self) -> Snapshot {
        let mut snapshot = self.fleet.snapshot();
        snapshot.agent.reload = self.configuration.reload;
        snapshot.agent.push = self.pushing.as_ref().map(Pushing::state);
        snapshot
    }
}

fn selection(settings: &Settings) -> Selection {
    let Settings { pairs, exclude, aliases, max_pairs, .. } = settings.clone();
    Selection { pairs, exclude, aliases, max_pairs }
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
fn serve(flags: &http::Flags, source: Source) -> Result<Serving> {
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

/// What comes next; nothing where nobody can ask.
async fn next_of(questions: &mut Option<Receiver<frames::Asked>>) -> Option<frames::Asked> {
    match questions {
        Some(questions) => questions.recv().await,
        None => None,
    }
}

/// The first time after one period.
fn every(period: Duration) -> Interval {
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

async fn tick(interval: &mut Option<Interval>) {
    match interval {
        Some(interval) => drop(interval.tick().await),
        None => std::future::pending().await,
    }
}

fn print(out: &mut Output, snapshot: &Snapshot) -> Result<()> {
    let pairs = snapshot.pairs().map(|(report, state)| Row { report, state }).collect();
    out.json(&Line { schema: SCHEMA, pairs, agent: &snapshot.agent })
}
