//! `capture`: the frames of a pair as pcapng, as both ends saw them.

mod recorder;
mod sink;
mod summary;
mod target;
mod writer;

use std::{ffi::OsString, path::PathBuf, time::Duration};

use anyhow::Result;
use bytesize::ByteSize;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::{
    command::{self, Measured},
    observing::Observing,
    output::{self, Output},
    sampling::SamplingFlags,
    stop::Stop,
};
use crate::{
    observe::{Observation, Sampling, Settings},
    topology,
    view::pcapng::Origin,
};
use recorder::Recorder;
use target::Target;
use veth_observer_common::sample::MAX_SNAPLEN;
use writer::Writer;

/// Write the frames of a pair as pcapng, each as both ends saw it, with its delay or what became of it as a comment
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  veth-observer capture veth0 -w veth0.pcapng        until Ctrl-C
  veth-observer capture veth0 -w - | tshark -r -     frames as they come
  veth-observer capture veth0 -w - tcp port 443 | wireshark -k -i -
  veth-observer capture veth0 -w web.pcapng --rotate 100MiB --files 10
  veth-observer capture veth0 -w ping.pcapng -- ping -c 3 10.0.0.2
  tshark -r veth0.pcapng -Y 'frame.comment contains \"lost\"'

Each end is an interface of the file: a frame that left and arrived is in it twice, outbound at one and inbound at the other. What it says of a frame that left is known when the frame has arrived, has died, or is lost by --loss-timeout. An existing file is written over.

A reader that is slow does not hold the traffic up: frames that find no room in the ring meanwhile are counted as lost to the capture. A reader that goes away ends it. A full disk ends it with exit code 1; what was written until then can be read.")]
pub struct Capture {
    #[command(flatten)]
    observing: Observing,
    #[command(flatten)]
    sampling: SamplingFlags,
    /// Where to write: a file, or - for standard output, which must not be a terminal
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    write: PathBuf,
    /// Bytes to keep of each frame; whole frames by default
    #[arg(long, value_name = "BYTES", default_value_t = MAX_SNAPLEN, hide_default_value = true, value_parser = clap::value_parser!(u32).range(14..=i64::from(MAX_SNAPLEN)))]
    snaplen: u32,
    /// Stop after this many packets
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Begin a new file before one gets larger than this, for example 100MiB: FILE.pcapng becomes FILE-0001.pcapng,
    /// FILE-0002.pcapng and so on
    #[arg(long, value_name = "SIZE", value_parser = size)]
    rotate: Option<u64>,
    /// Keep so many files: the oldest that this run wrote is removed
    #[arg(long, value_name = "N", requires = "rotate", value_parser = clap::value_parser!(u32).range(1..))]
    files: Option<u32>,
    /// A command to run; the capture lasts as long as it does
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// The ring is read this often; the kernel wakes nobody per frame.
const LOOK: Duration = Duration::from_millis(5);

impl Capture {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        let target = Target::new(&self.write, self.rotate, self.files)?;
        let sampling = self.sampling.sampling(self.snaplen, true)?;
        let selected = topology::select(&self.observing.pair).await?;
        // Before signals are caught: a pipe with a name waits for its reader.
        let opened = target.open()?;
        let mut stop = Stop::new()?;
        // Caught, so that writing over a limit of file size fails as on a full disk, and does not kill us.
        let _over_limit = signal(SignalKind::from_raw(libc::SIGXFSZ))?;
        let settings = Settings { sampling: Some(sampling.clone()), ..self.observing.settings(out.verbose)? };
        let mut observation = match self.observing.start_on(&selected, settings).await {
            Ok(observation) => observation,
            Err(error) => {
                opened.discard();
                return Err(error);
            }
        };
        stop.within(self.observing.duration);
        let writer = Writer::start(opened)?;
        let origin = self.origin(selected.pair.ends, &sampling);
        let mut recorder = Recorder::new(writer, origin, self.rotate, self.count)?;
        let beside = out.wants_json() || target.is_stdout();
        let mut command = Measured::start(&self.command, beside)?;
        record(&mut observation, &mut recorder, &mut command, &mut stop).await?;
        if let Some(command) = &mut command {
            let at_once = stop.is_over();
            stop.last(command.stop(at_once)).await?;
        }
        if !recorder.is_full() {
            stop.last(land(&mut observation, &mut recorder)).await?;
        }
        let captured = stop.last(recorder.finish(&mut observation)).await?;
        observation.flush_log();
        let ended = observation.ended().map(str::to_owned);
        summary::print(out, &captured, &target, &observation.names(), ended)?;
        command.as_ref().map_or(Ok(()), Measured::verdict)
    }

    fn origin(&self, ends: [crate::model::link::End; 2], sampling: &Sampling) -> Origin {
        let system = rustix::system::uname();
        let (name, release) = (system.sysname().to_string_lossy(), system.release().to_string_lossy());
        Origin {
            application: format!("veth-observer {}", env!("CARGO_PKG_VERSION")),
            os: format!("{name} {release}"),
            ends,
            snaplen: self.snaplen,
            filter: sampling.filter.as_ref().map(|filter| filter.expression.clone()),
            loss_timeout: self.observing.timeout(),
        }
    }
}

/// Returns when there is enough.
async fn record(
    observation: &mut Observation,
    recorder: &mut Recorder,
    command: &mut Option<Measured>,
    stop: &mut Stop,
) -> Result<()> {
    let mut look = tokio::time::interval(LOOK);
    let mut tend = tokio::time::interval(Observation::LOOK);
    let mut said = false;
    loop {
        tokio::select! {
            () = stop.wait() => return Ok(()),
            ended = command::ended(command) => return ended,
            failure = recorder.failure() => return Err(failure),
            _ = look.tick() => {
                recorder.take(observation)?;
                if recorder.is_full() || observation.ended().is_some() {
                    return Ok(());
                }
            }
            _ = tend.tick() => {
                if !observation.tend().await? {
                    return Ok(());
                }
                if recorder.notice_loss(observation)? && !said {
                    said = true;
                    output::note("frames come faster than they can be written, and some are lost to the capture: \
                        a filter, --snaplen, --sample or --ring-size helps");
                }
            }
        }
    }
}

/// Waits for what is under way and takes what was seen until then: a flood that goes on does not keep us.
async fn land(observation: &mut Observation, recorder: &mut Recorder) -> Result<()> {
    recorder.take(observation)?;
    observation.finish().await?;
    recorder.notice_loss(observation)?;
    recorder.drain(observation).await
}

fn size(text: &str) -> Result<u64, String> {
    const LEAST: u64 = 4 << 10;
    let size: ByteSize = text.parse().map_err(|_| "give it as bytes, or for example 512KiB or 100MiB")?;
    if size.as_u64() < LEAST { Err("must be at least 4KiB".into()) } else { Ok(size.as_u64()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_room_for_its_header_and_a_packet() {
        assert_eq!((size("100MiB"), size("4096")), (Ok(100 << 20), Ok(4096)));
        assert!(size("4095").is_err() && size("large").is_err());
    }
}
