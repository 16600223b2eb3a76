//! `latency`: how long frames take from end to end, and whether that is good enough.

mod active;
mod flags;
mod progress;
mod thresholds;

use std::{ffi::OsString, time::Duration};

use anyhow::{Result, anyhow};
use clap::Args;

use super::{
    command::{self, Measured},
    observed::{Observed, Sourced},
    observing::Observing,
    origin::Origin,
    output::Output,
    stop::Stop,
};
use crate::{
    fault::Fault,
    model::{
        latency::{self, LatencyReport, Percentile, Times, Verdict},
        report::{DirectionReport, PairReport, Report, Source},
    },
    observe::Settings,
    probe::Tally,
    topology,
    view::{self, escape},
};
use active::Senders;
use flags::{MaxDelay, Quantity};
use progress::Progress;
use thresholds::Thresholds;

/// Time the frames of a pair, both ways, and hold them against thresholds
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  veth-observer latency veth0 --duration 10s --histogram
  veth-observer latency veth0 --max-delay p99=50us -- iperf3 -c 10.0.0.2
  veth-observer latency veth0 --duration 10s --max-loss 0.1%
  veth-observer latency veth0 --active -c 1000 --stages
  veth-observer latency veth0 -c 10000 --percentiles 50,99,99.9 -j
  veth-observer latency container:web --agent --max-loss 0.1% --duration 10s

What is timed is the traffic that passes, from the egress hook of one end to the ingress hook of the other, and nothing \
is sent. With --active it is also probes of EtherType 0x88b5, which our program takes off at the other end: the host's \
stack does not see them, a packet capture and the device's counters do. Thresholds then judge the probes, else the \
traffic, in each direction that something was sent in.

A command after -- keeps its input and output; the report follows when it has ended. With -j its standard output goes to \
standard error, so that standard output is one JSON object. It is told to end (SIGTERM, 2 s later SIGKILL) only when the \
measurement is to stop before it has ended: by --duration, -c, or a Ctrl-C that it does not follow within half a second.

Exit codes: 5 when a threshold was not met, or nothing could be held against it; else 1 when the command failed.")]
pub struct Latency {
    #[command(flatten)]
    observing: Observing,
    #[command(flatten)]
    origin: Origin,
    #[command(flatten)]
    probes: active::Probes,
    /// Stop once at least this many frames were received, both ways together; with --active, send this many probes each way
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Which percentiles to show
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "50,95,99", value_parser = flags::percentile)]
    percentiles: Vec<Percentile>,
    /// Draw the delays of each direction as a histogram; with -j, add its buckets
    #[arg(long)]
    histogram: bool,
    /// Also time frames on their way: out of the queueing discipline, and out of the ring or backlog of the receiver; costs
    /// all traffic of the machine a little while it runs
    #[arg(long)]
    stages: bool,
    /// A name for this run, carried into the output
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// Fail when a delay is longer: min, mean, max or a percentile, for example p99=50us; may be given again
    #[arg(long, value_name = "QUANTITY=DURATION", value_parser = flags::max_delay)]
    max_delay: Vec<MaxDelay>,
    /// Fail when a larger part of what was sent was dropped or lost, for example 0.1% or 0.001
    #[arg(long, value_name = "SHARE", value_parser = flags::share)]
    max_loss: Option<f64>,
    /// Fail when more frames than this arrived out of order in one direction
    #[arg(long, value_name = "N")]
    max_reordered: Option<u64>,
    /// A command to run; the measurement lasts as long as it does
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// How often to look at our own counters when frames are counted.
const EAGER_LOOK: Duration = Duration::from_millis(10);

impl Latency {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        let stop = Stop::new()?;
        if let Some(remote) = self.origin.remote(&self.observing, self.alone()).await? {
            return self.over(Observed::Agent(Box::new(remote)), &mut None, stop, out).await;
        }
        let selected = topology::select(&self.observing.pair).await?;
        let planned = if self.probes.active {
            Some((self.probes.plans(&selected, self.count)?, Senders::sockets(&selected)?))
        } else {
            None
        };
        let (probing, stages) = (planned.is_some(), self.stages);
        let settings = Settings { probing, stages, ..self.observing.settings(out.verbose)? };
        let observation = self.observing.start_on(&selected, settings).await?;
        let secret = observation.probe_secret();
        let mut senders = planned
            .zip(secret)
            .map(|((plans, sockets), secret)| Senders::start(selected, sockets, plans, secret));
        self.over(Observed::Direct(Box::new(observation)), &mut senders, stop, out).await
    }

    /// A flag that takes programs of our own on the pair.
    fn alone(&self) -> Option<&'static str> {
        let is_bound = |max: &MaxDelay| matches!(max.quantity, Quantity::Min | Quantity::Max);
        let flags = [
            ("--active", self.probes.active),
            ("--stages", self.stages),
            ("--max-delay of min or max", self.max_delay.iter().any(is_bound)),
        ];
        let given = flags.into_iter().find(|(_, is_given)| *is_given).map(|(flag, _)| flag);
        given.or(self.observing.attach.given())
    }

    /// Measures, whoever counts.
    async fn over(
        self,
        mut observed: Observed,
        senders: &mut Option<Senders>,
        mut stop: Stop,
        out: &mut Output,
    ) -> Result<()> {
        stop.within(self.observing.duration);
        let mut command = Measured::start(&self.command, out.wants_json())?;
        self.measure(&mut observed, &mut command, senders, &mut stop, out).await?;
        let tallies = match senders {
            Some(senders) => senders.stop().await?,
            None => Default::default(),
        };
        if let Some(command) = &mut command {
            let at_once = stop.is_over();
            stop.last(command.stop(at_once)).await?;
        }
        let mut report = stop.last(observed.finish()).await?;
        remark(&mut report, tallies);
        observed.flush_log();
        self.conclude(report, observed.source(), command.as_ref(), out)?;
        observed.verdict()
    }

    /// Returns when there is enough.
    async fn measure(
        &self,
        observed: &mut Observed,
        command: &mut Option<Measured>,
        senders: &mut Option<Senders>,
        stop: &mut Stop,
        out: &Output,
    ) -> Result<()> {
        let alone = command.is_none() && !out.wants_json();
        let mut progress = Progress::new(alone, out.style(), self.observing.duration, self.count);
        let mut look = tokio::time::interval(match (observed.source(), self.count) {
            (Source::Direct, Some(_)) => EAGER_LOOK,
            (Source::Agent, Some(_)) => Observed::FASTEST,
            (_, None) => observed.look(),
        });
        loop {
            tokio::select! {
                () = stop.wait() => return Ok(()),
                ended = command::ended(command) => return ended,
                // A command is measured to its end, however many probes were asked for.
                done = active::done(senders), if command.is_none() => return done,
                _ = look.tick() => {
                    observed.flush_log();
                    let Some(report) = stop.unless(observed.report()).await.transpose()? else { return Ok(()) };
                    let [pair] = report.pairs.as_slice() else { return Ok(()) };
                    let received = received(pair);
                    progress.show(pair, received);
                    if pair.ended.is_some() || senders.is_none() && self.count.is_some_and(|count| received >= count) {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Prints it all, and fails where something did not hold.
    fn conclude(
        self,
        report: Report,
        source: Source,
        command: Option<&Measured>,
        out: &mut Output,
    ) -> Result<()> {
        let thresholds =
            Thresholds { delay: self.max_delay, loss: self.max_loss, reordered: self.max_reordered };
        let directions = report.pairs.first().map_or(&[][..], |pair| &pair.directions);
        let judgements = thresholds.judge(directions);
        let verdict = thresholds::verdict(&judgements);
        let times = |direction| Times::new(direction, &self.percentiles, self.histogram);
        let latency = latency::Latency {
            label: self.label,
            active: self.probes.active,
            directions: directions.iter().map(times).collect(),
            thresholds: judgements,
            verdict,
            command: command.map(Measured::end),
        };
        let measured = LatencyReport { report, latency };
        if out.wants_json() {
            out.json(&Sourced { what: &measured, source })?;
        } else {
            let (percentiles, histogram, style) = (&*self.percentiles, self.histogram, out.style());
            out.text(&view::latency::summary(
                &measured,
                &view::latency::Shape { percentiles, histogram, style },
            ))?;
        }
        if verdict == Some(Verdict::Fail) {
            return Err(
                Fault::breached(thresholds::sentence(&measured.latency.thresholds, out.style())).into()
            );
        }
        match &measured.latency.command {
            Some(command) if !command.is_fine() => {
                let name = escape::name(&command.argv[0]);
                Err(match (command.exit_code, command.signal) {
                    (Some(code), _) => anyhow!("{name} exited with {code}"),
                    (None, signal) => anyhow!("{name} was killed by signal {}", signal.unwrap_or_default()),
                })
            }
            _ => Ok(()),
        }
    }
}

/// Frames received, both ways; where there are probes, those.
fn received(pair: &PairReport) -> u64 {
    let of = |direction: &DirectionReport| {
        direction.probes.as_ref().map_or(direction.received.frames, |probes| probes.received)
    };
    pair.directions.iter().map(of).sum()
}

/// What kept probes from being sent.
fn remark(report: &mut Report, tallies: [Tally; 2]) {
    for pair in &mut report.pairs {
        for (tally, direction) in tallies.iter().zip(&pair.directions) {
            let from = &direction.from;
            if tally.refused > 0 {
                pair.limits
                    .push(format!("{from} was down for {} probes, which were not sent", tally.refused));
            }
            if tally.gone {
                pair.limits.push(format!("{from} was deleted or moved, and sent no more probes"));
            }
        }
    }
}
