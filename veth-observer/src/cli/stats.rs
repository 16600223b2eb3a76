//! `stats`: the delivery ledger of one pair.

use std::time::Duration;

use anyhow::Result;
use clap::Args;

use super::{observing::Observing, output::Output, stop::Stop};
use crate::{model::report::Report, observe::Observation, view};

/// Count and time every frame of a pair, both ways, and say what was sent, received, in flight and lost
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  veth-observer stats veth0                      until Ctrl-C, then the summary
  veth-observer stats veth0 --interval 1s -c 10  every second, ten times
  veth-observer stats netns:blue/eth0 -j | jq '.pairs[0].directions[].lost'
  veth-observer stats veth0 --hook xdp           arrivals at XDP in the driver

Numbers count from the moment of attaching. Lost are frames that did not arrive within --loss-timeout.")]
pub struct Stats {
    #[command(flatten)]
    observing: Observing,
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
        let mut observation = self.observing.start(None, out.verbose).await?;
        stop.within(self.observing.duration);
        let interval = self.interval.or(self.count.map(|_| Duration::from_secs(1)));
        let mut reports = tokio::time::interval(interval.unwrap_or(Observation::LOOK));
        let mut look = tokio::time::interval(Observation::LOOK);
        reports.tick().await;
        let mut lines = view::report::Lines::new(out.style());
        let mut printed = 0;
        loop {
            tokio::select! {
                () = stop.wait() => break,
                _ = look.tick() => if !observation.tend().await? {
                    break;
                },
                _ = reports.tick(), if interval.is_some() => {
                    observation.follow().await;
                    print_interval(out, &mut lines, &observation.report()?)?;
                    printed += 1;
                    if self.count == Some(printed) {
                        break;
                    }
                }
            }
        }
        let report = stop.last(observation.finish()).await?;
        observation.flush_log();
        if !out.wants_json() {
            out.text(&view::report::summary(&report, out.style()))
        } else if interval.is_none() || report.pairs[0].ended.is_some() {
            out.json(&report)
        } else {
            Ok(())
        }
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if interval < Duration::from_millis(10) { Err("must be at least 10ms".into()) } else { Ok(interval) }
}

fn print_interval(out: &mut Output, lines: &mut view::report::Lines, report: &Report) -> Result<()> {
    if out.wants_json() { out.json(report) } else { out.text(&lines.next(report)) }
}
