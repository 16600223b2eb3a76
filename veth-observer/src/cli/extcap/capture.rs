//! `extcap --capture`: the frames of a pair into Wireshark's pipe, as the `capture` command writes them.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use clap::Parser;
use rustix::process::getppid;

use super::interfaces;
use crate::{
    cli::{capture::Capture, output::Output},
    fault::Fault,
};

/// What Wireshark wants to see.
pub(super) struct Wanted {
    pub(super) interface: String,
    pub(super) fifo: PathBuf,
    pub(super) snaplen: u32,
    pub(super) sample: String,
    pub(super) filter: Option<String>,
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    capture: Capture,
}

/// How often to look whether Wireshark is still there, and whether it has opened its pipe.
const LOOK: Duration = Duration::from_millis(200);
const SOON: Duration = Duration::from_millis(5);

impl Wanted {
    /// Until Wireshark closes its pipe, tells us to end, or is gone: killed, it cannot tell us, and what reads its pipe
    /// notices only when a frame comes.
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        let gone = gone();
        let pair = interfaces::selector(&self.interface).await?;
        let work = async {
            let _until_it_is_opened_again = reader(&self.fifo).await?;
            let Line { capture } = parse(self.words(&pair))?;
            Box::pin(capture.run(out)).await
        };
        tokio::select! {
            done = work => done,
            () = gone => Ok(()),
        }
    }

    /// The same for the `capture` command.
    fn words(self, pair: &str) -> Vec<OsString> {
        let mut words: Vec<OsString> =
            ["capture", pair, "--snaplen", &self.snaplen.to_string()].map(Into::into).into();
        words.extend(["--sample", &self.sample, "--write"].map(Into::into));
        words.push(self.fifo.into());
        words.extend(self.filter.map(Into::into));
        words
    }
}

/// Returns when whoever started us is no more.
fn gone() -> impl Future<Output = ()> {
    let parent = getppid();
    async move {
        while getppid() == parent {
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Waits for the reader of a pipe. Without this, opening it would wait, and hear nothing meanwhile.
async fn reader(fifo: &Path) -> Result<File> {
    loop {
        match OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(fifo) {
            Err(error) if error.raw_os_error() == Some(libc::ENXIO) => tokio::time::sleep(SOON).await,
            opened => return opened.with_context(|| format!("cannot write to {}", fifo.display())),
        }
    }
}

/// In one sentence what is wrong, without what only a person at a terminal can use.
fn parse<P: Parser>(words: Vec<OsString>) -> Result<P> {
    P::try_parse_from(words).map_err(|error| {
        let text = error.to_string();
        let sentence = text.lines().next().unwrap_or_default();
        Fault::usage(sentence.strip_prefix("error: ").unwrap_or(sentence)).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wireshark_wants_is_a_command_line_of_ours() {
        let wanted = Wanted {
            interface: "vo-host-a".into(),
            fifo: "/tmp/a b".into(),
            snaplen: 256,
            sample: "1/10".into(),
            filter: Some("tcp port 443".into()),
        };
        let words = wanted.words("netns:1/ifindex:2");
        let expected =
            ["capture", "netns:1/ifindex:2", "--snaplen", "256", "--sample", "1/10", "--write", "/tmp/a b"];
        assert_eq!(words[..8], expected);
        assert_eq!(words[8..], ["tcp port 443"]);
        assert!(parse::<Line>(words).is_ok());
    }

    #[test]
    fn what_is_wrong_is_one_sentence() {
        let wanted = ["capture", "a", "--sample", "2/3"].map(Into::into).to_vec();
        let error = parse::<Line>(wanted).err().unwrap().to_string();
        assert!(error.starts_with("invalid value '2/3' for '--sample <1/N>': "), "{error}");
    }
}
