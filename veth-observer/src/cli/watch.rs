//! `watch`: frames as they arrive, one line each.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::{
    observing::Observing,
    output::{self, Output},
    stop::Stop,
};
use crate::{
    model::{
        SCHEMA,
        sample::{Sample, Sampled},
    },
    observe::{Observation, Sampling},
    view::line,
};
use veth_observer_common::sample::{HEADER_LEN, MAX_SNAPLEN};

/// Print the frames of a pair as they arrive: addresses, ports, length, direction and one-way delay
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  veth-observer watch veth0                    until Ctrl-C
  veth-observer watch veth0 -c 10              the first ten frames
  veth-observer watch veth0 --sample 1/100 -j  one in a hundred, as JSON lines

Every frame is counted; what is printed is what sampling took and the ring could hold. The last line says what was left out. Times are UTC.")]
pub struct Watch {
    #[command(flatten)]
    observing: Observing,
    /// Stop after this many frames
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Take one buffer in N
    #[arg(long, value_name = "1/N", default_value = "1/1", value_parser = rate)]
    sample: u32,
    /// Bytes to keep of each frame
    #[arg(long, value_name = "BYTES", default_value_t = 96, value_parser = clap::value_parser!(u32).range(14..=i64::from(MAX_SNAPLEN)))]
    snaplen: u32,
}

/// The ring is read this often; the kernel wakes nobody per frame.
const LOOK: Duration = Duration::from_millis(5);

/// How many samples to write in one go, so that Ctrl-C is heard under any load.
const BATCH: usize = 4096;

/// More than a full ring holds of the shortest records: what is in it at the end is written, and a flood that goes on
/// does not keep us.
const LAST_BATCHES: u32 = 16;

impl Watch {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        let mut stop = Stop::new()?;
        let sampling = Sampling {
            rate: self.sample,
            snaplen: self.snaplen,
            ring_bytes: ring_bytes(self.snaplen),
            ..Sampling::default()
        };
        let mut observation = self.observing.start(Some(sampling), out.verbose).await?;
        stop.within(self.observing.duration);
        let mut left = self.count.unwrap_or(u64::MAX);
        let mut look = tokio::time::interval(LOOK);
        let mut tend = tokio::time::interval(Observation::LOOK);
        loop {
            let ended = tokio::select! {
                () = stop.wait() => true,
                _ = look.tick() => observation.ended().is_some(),
                _ = tend.tick() => !observation.tend().await?,
            };
            if ended {
                break;
            }
            print(out, &mut observation, &mut left)?;
            if left == 0 {
                break;
            }
        }
        for _ in 0..LAST_BATCHES {
            if left == 0 || !print(out, &mut observation, &mut left)? {
                break;
            }
        }
        summary(out, &mut observation, self.count.unwrap_or(u64::MAX) - left)
    }
}

/// Prints up to `left` samples and takes them off it; true when there may be more in the ring.
fn print(out: &mut Output, observation: &mut Observation, left: &mut u64) -> Result<bool> {
    let most = usize::try_from(*left).unwrap_or(BATCH).min(BATCH);
    let samples = observation.samples(most)?;
    let names = observation.names();
    let names = [names[0].as_str(), names[1].as_str()];
    if out.wants_json() {
        for sample in &samples {
            out.json(&line::object(sample, names))?;
        }
    } else {
        let text = |sample: &Sample| line::line(sample, names, out.style()) + "\n";
        out.text(&samples.iter().map(text).collect::<String>())?;
    }
    *left -= samples.len() as u64;
    Ok(samples.len() == most)
}

fn summary(out: &mut Output, observation: &mut Observation, printed: u64) -> Result<()> {
    let ends = observation.sampled()?;
    let sum = |of: fn(&Sampled) -> u64| ends.iter().map(of).sum::<u64>();
    let (taken, skipped, lost) = (sum(|end| end.taken), sum(|end| end.skipped), sum(|end| end.lost));
    let ended = observation.ended().map(str::to_owned);
    if out.wants_json() {
        let summary = json!({
            "printed": printed, "sampled": taken, "skipped": skipped, "lost": lost,
            "ended": ended,
        });
        return out.json(&json!({ "schema": SCHEMA, "summary": summary }));
    }
    let ended = ended.map_or_else(String::new, |why| format!("ended early: {why}\n"));
    output::note(format!(
        "{ended}{printed} printed, {skipped} skipped by --sample, {lost} lost because the ring was full"
    ));
    Ok(())
}

/// Bytes of the ring that a record takes beside the frame: our header, the ring's own and padding.
const RECORD_HEADER: u32 = 72;
const _: () = assert!(RECORD_HEADER as usize >= HEADER_LEN + 16);

/// Room for some 10 ms of a flood of small frames, and for a few of the longest.
pub(super) fn ring_bytes(snaplen: u32) -> u32 {
    (64 * (snaplen + RECORD_HEADER)).next_power_of_two().max(1 << 22)
}

fn rate(text: &str) -> Result<u32, String> {
    let rate =
        text.strip_prefix("1/").unwrap_or(text).parse().map_err(|_| "give it as 1/N, for example 1/100")?;
    if rate == 0 { Err("N must be at least 1".into()) } else { Ok(rate) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_one_in_n() {
        assert_eq!((rate("1/100"), rate("7"), rate("1/1")), (Ok(100), Ok(7), Ok(1)));
        assert!(rate("1/0").is_err() && rate("2/3").is_err() && rate("x").is_err());
    }

    #[test]
    fn the_ring_is_a_power_of_two_that_holds_the_longest_frame() {
        for snaplen in [14, 96, 9018, MAX_SNAPLEN] {
            let bytes = ring_bytes(snaplen);
            assert!(bytes.is_power_of_two() && bytes >= 16 * snaplen);
        }
    }
}
