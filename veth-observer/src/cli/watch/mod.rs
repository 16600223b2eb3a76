//! `watch`: frames as they are seen, one line each.

mod asked;
mod choice;
mod input;
mod printer;
mod served;

use std::{ffi::OsString, path::PathBuf, time::Duration};

use anyhow::Result;
use clap::{Arg, Args};
use serde_json::json;
use veth_observer_common::sample::MAX_SNAPLEN;

use super::{
    command::{self, Measured},
    observing::Observing,
    origin::Origin,
    output::{self, Output},
    sampling::SamplingFlags,
    stop::Stop,
};
use crate::{
    fault::Fault,
    model::{SCHEMA, sample::Sampled},
    observe::Observation,
    view::object::{Summary, object},
};
use choice::Choice;
use printer::{Form, Printer};
pub(super) use served::Watchers;

/// Print the frames of a pair as they arrive: addresses, ports, length, direction and one-way delay
#[derive(Debug, Args)]
#[command(
    mut_args = unless_read_back,
    after_help = "\
Examples:
  veth-observer watch veth0                      what arrives, until Ctrl-C
  veth-observer watch veth0 -c 10 tcp port 443   the first ten that match
  veth-observer watch veth0 --lost               what dies, where and why
  veth-observer watch veth0 --side a -e          what veth0 sends and receives
  veth-observer watch veth0 --fields time,delay_ns -- ping -c 3 10.0.0.2
  veth-observer watch veth0 --sample 1/100 -j > frames.json
  veth-observer watch --input-file frames.json --matched
  veth-observer watch container:web --agent      from an agent, without root

A line tells when the frame was seen (UTC), its direction, what it says, its length in bytes, and what became of it: delay, dropped STAGE REASON FUNCTION, lost, unmatched (it arrived, and was not seen sent), or fate unknown.

Every frame is counted; what is printed is what sampling took and the ring could hold, and the last line says what was left out. A command after -- is watched while it runs; its standard output goes to standard error, and where it fails its exit code is ours."
)]
pub struct Watch {
    #[command(flatten)]
    observing: Observing,
    #[command(flatten)]
    origin: Origin,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    form: Form,
    /// Bytes to keep of each frame
    #[arg(long, value_name = "BYTES", default_value_t = 96, value_parser = clap::value_parser!(u32).range(14..=i64::from(MAX_SNAPLEN)))]
    snaplen: u32,
    #[command(flatten)]
    sampling: SamplingFlags,
    /// Print frames that watch -j wrote, from a file or with - from standard input, instead of those of a pair
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pair", "Origin", "duration", "loss_timeout", "Attach", "SamplingFlags", "side", "snaplen", "command"])]
    input_file: Option<PathBuf>,
    /// A command to run; frames are printed as long as it does
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// A pair has to be named unless a file is read.
fn unless_read_back(arg: Arg) -> Arg {
    if arg.get_id() != "pair" {
        return arg;
    }
    arg.required(false).required_unless_present("input_file").default_value("").hide_default_value(true)
}

/// The ring is read this often; the kernel wakes nobody per frame.
const LOOK: Duration = Duration::from_millis(5);

/// How many samples to write in one go, so that Ctrl-C is heard under any load.
const BATCH: usize = 4096;

/// How many of these at one look.
const BATCHES: u32 = 4;

/// More than a full ring holds of the shortest records: what is in it at the end is written, and a flood that goes on
/// does not keep us. Where departures are sampled, as much again and more waits for its fate.
const LAST_BATCHES: [u32; 2] = [16, 256];

impl Watch {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        if self.choice.contradicts_itself() {
            return Err(Fault::usage(
                "--side both shows a frame at both ends, --matched and --lost show it once",
            )
            .fix("--side a or b, or no --side")
            .into());
        }
        if let Some(path) = &self.input_file {
            let printer = Printer::new(self.form, self.choice.is_mixed(true));
            return input::run(path, &self.choice, printer, out).await;
        }
        if let Some(address) = self.origin.wanted()? {
            return asked::run(self, address, out).await;
        }
        let mut stop = Stop::new()?;
        let departures = self.choice.departures();
        let sampling = self.sampling.sampling(self.snaplen, departures)?;
        let mut observation = self.observing.start(Some(sampling), out.verbose).await?;
        stop.within(self.observing.duration);
        let mut command = Measured::start(&self.command, true)?;
        let mut printer = Printer::new(self.form, self.choice.is_mixed(departures));
        watch(&mut observation, &mut command, &self.choice, &mut printer, &mut stop, out).await?;

        let enough = printer.has_enough();
        if !enough {
            end(&mut command, &mut stop).await?;
            if departures {
                stop.last(observation.finish()).await?;
            }
            let batches = LAST_BATCHES[usize::from(departures)];
            print(&mut observation, &self.choice, &mut printer, batches, out)?;
        }
        let summary = summary(&mut observation, printer.printed())?;
        drop(observation);
        if enough && command.is_some() {
            tokio::select! {
                () = stop.wait() => {}
                ended = command::ended(&mut command) => ended?,
            }
            end(&mut command, &mut stop).await?;
        }
        say(&summary, self.sampling.is_filtered(), self.choice.is_narrow(), command.as_ref(), out)?;
        command.map_or(Ok(()), |command| command.verdict())
    }
}

/// Returns when there is enough.
async fn watch(
    observation: &mut Observation,
    command: &mut Option<Measured>,
    choice: &Choice,
    printer: &mut Printer,
    stop: &mut Stop,
    out: &mut Output,
) -> Result<()> {
    let mut look = tokio::time::interval(LOOK);
    let mut tend = tokio::time::interval(Observation::LOOK);
    while !printer.has_enough() {
        let ended = tokio::select! {
            () = stop.wait() => true,
            ended = command::ended(command) => { ended?; true }
            _ = look.tick() => observation.ended().is_some(),
            _ = tend.tick() => !observation.tend().await?,
        };
        if ended {
            break;
        }
        print(observation, choice, printer, BATCHES, out)?;
    }
    Ok(())
}

async fn end(command: &mut Option<Measured>, stop: &mut Stop) -> Result<()> {
    if let Some(command) = command {
        let at_once = stop.is_over();
        stop.last(command.stop(at_once)).await?;
    }
    Ok(())
}

/// Prints what the ring has, as long as there are whole batches in it.
fn print(
    observation: &mut Observation,
    choice: &Choice,
    printer: &mut Printer,
    batches: u32,
    out: &mut Output,
) -> Result<()> {
    let names = observation.names();
    let names = [names[0].as_str(), names[1].as_str()];
    let wants_bytes = printer.wants_bytes();
    for _ in 0..batches {
        let samples = observation.samples(BATCH)?;
        let chosen = samples.iter().filter(|sample| choice.takes_sample(sample)).map(|sample| {
            let object = object(sample, names);
            if wants_bytes { object.with_bytes(&sample.bytes) } else { object }
        });
        printer.print(out, chosen)?;
        if printer.has_enough() || samples.len() < BATCH {
            break;
        }
    }
    Ok(())
}

fn summary(observation: &mut Observation, printed: u64) -> Result<Summary> {
    let ends = observation.sampled()?;
    let sum = |of: fn(&Sampled) -> u64| Some(ends.iter().map(of).sum());
    Ok(Summary {
        printed,
        sampled: sum(|end| end.taken),
        skipped: sum(|end| end.skipped),
        filtered: sum(|end| end.filtered),
        lost: sum(|end| end.lost),
        ended: observation.ended().map(str::to_owned),
    })
}

fn say(
    summary: &Summary,
    filtered: bool,
    narrow: bool,
    command: Option<&Measured>,
    out: &mut Output,
) -> Result<()> {
    if out.wants_json() {
        let mut object = json!({ "schema": SCHEMA, "summary": summary });
        if let Some(command) = command {
            object["summary"]["command"] = serde_json::to_value(command.end())?;
        }
        return out.json(&object);
    }
    if let Some(why) = &summary.ended {
        output::note(format!("ended early: {why}"));
    }
    let shown = Summary { filtered: summary.filtered.filter(|_| filtered), ..summary.clone() };
    output::note(sentence(&shown, narrow.then(|| summary.sampled.unwrap_or_default())));
    Ok(())
}

/// `3 printed of 10 sampled, 0 skipped by --sample, 0 lost because the ring was full`; what is not known is left out.
fn sentence(summary: &Summary, of: Option<u64>) -> String {
    let of = of.map_or_else(String::new, |of| format!(" of {of} sampled"));
    let mut parts = vec![format!("{} printed{of}", summary.printed)];
    parts.extend(summary.skipped.map(|skipped| format!("{skipped} skipped by --sample")));
    parts.extend(summary.filtered.map(|filtered| format!("{filtered} not matching the filter")));
    parts.extend(summary.lost.map(|lost| format!("{lost} lost because the ring was full")));
    parts.join(", ")
}

#[cfg(test)]
mod tests;
