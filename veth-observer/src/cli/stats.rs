//! `stats`: the delivery ledger of one pair.

use std::time::Duration;

use anyhow::Result;
use clap::Args;

use super::{
    observed::{Observed, Sourced},
    observing::Observing,
    origin::Origin,
    output::Output,
    stop::Stop,
};
use crate::{model::report::Report, topology, view};

/// Count and time every frame of a pair, both ways, and say what was sent, received, in flight and lost
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  veth-observer stats veth0                      until Ctrl-C, then the summary
  veth-observer stats veth0 --interval 1s -c 10  every second, ten times
  veth-observer stats netns:blue/eth0 -j | jq '.pairs[0].directions[].lost'
  veth-observer stats veth0 --hook xdp           arrivals at XDP in the driver
  veth-observer stats container:web --agent      from the agent, without root

Numbers count from the line that says `observing`. Lost are frames that did not arrive within --loss-timeout.

Where an agent runs and has the pair, they come from it: the difference of two of its reports, at no further cost to the traffic. The least and the largest delay are then known only where no shorter or longer one came before.")]
pub struct Stats {
    #[command(flatten)]
    observing: Observing,
    #[command(flatten)]
    origin: Origin,
    /// Report every so often while it runs, for example 1s or 500ms
    #[arg(short, long, value_parser = interval, value_name = "DURATION")]
    interval: Option<Duration>,
    /// Stop after this many reports; every second unless --interval says otherwise
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

impl Stats {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        let mut stop = Stop::new()?;
        let mut observed = self.start(out.verbose).await?;
        stop.within(self.observing.duration);
        let interval = self.interval.or(self.count.map(|_| Duration::from_secs(1)));
        let mut reports = tokio::time::interval(interval.unwrap_or(observed.look()));
        let mut look = tokio::time::interval(observed.look());
        reports.tick().await;
        let mut lines = view::report::Lines::new(out.style());
        let (mut printed, source) = (0, observed.source());
        loop {
            tokio::select! {
                () = stop.wait() => break,
                _ = look.tick() => match stop.unless(observed.tend()).await.transpose()? {
                    Some(true) => {}
                    Some(false) | None => break,
                },
                _ = reports.tick(), if interval.is_some() => {
                    let Some(report) = stop.unless(observed.report()).await.transpose()? else { break };
                    print_interval(out, &mut lines, &Sourced { what: &report, source })?;
                    printed += 1;
                    if self.count == Some(printed) {
                        break;
                    }
                }
            }
        }
        let report = stop.last(observed.finish()).await?;
        observed.flush_log();
        if !out.wants_json() {
            out.text(&view::report::summary(&report, out.style()))?;
        } else if interval.is_none() || report.pairs[0].ended.is_some() {
            out.json(&Sourced { what: &report, source })?;
        }
        observed.verdict()
    }

    async fn start(&self, verbose: u8) -> Result<Observed> {
        let too_often = self.interval.is_some_and(|interval| interval < Observed::FASTEST);
        let alone = self.observing.attach.given().or(too_often.then_some("--interval below 200ms"));
        if let Some(remote) = self.origin.remote(&self.observing, alone).await? {
            return Ok(Observed::Agent(Box::new(remote)));
        }
        let (selected, settings) =
            (topology::select(&self.observing.pair).await?, self.observing.settings(verbose)?);
        Ok(Observed::Direct(Box::new(self.observing.start_on(&selected, settings).await?)))
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if interval < Duration::from_millis(10) { Err("must be at least 10ms".into()) } else { Ok(interval) }
}

fn print_interval(
    out: &mut Output,
    lines: &mut view::report::Lines,
    report: &Sourced<'_, Report>,
) -> Result<()> {
    if out.wants_json() { out.json(report) } else { out.text(&lines.next(report.what)) }
}
