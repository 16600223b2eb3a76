//! `extcap --capture`: the frames of a pair into Wireshark's pipe, as the `capture` command writes them.

use std::{ffi::OsString, path::PathBuf};

use anyhow::Result;
use clap::Parser;

use super::interfaces;
use crate::{
    cli::{capture::Capture, output::Output, sampling::SamplingFlags},
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

#[derive(Parser)]
struct FilterLine {
    #[command(flatten)]
    sampling: SamplingFlags,
}

impl Wanted {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        let pair = interfaces::selector(&self.interface).await?;
        let Line { capture } = parse(self.words(pair))?;
        Box::pin(capture.run(out)).await
    }

    /// The same for the `capture` command.
    fn words(self, pair: String) -> Vec<OsString> {
        let mut words: Vec<OsString> =
            ["capture", &pair, "--snaplen", &self.snaplen.to_string()].map(Into::into).into();
        words.extend(["--sample", &self.sample, "--write"].map(Into::into));
        words.push(self.fifo.into());
        words.extend(self.filter.map(Into::into));
        words
    }
}

/// Whether a filter is one.
pub(super) fn check(filter: &str) -> Result<()> {
    const SNAPLEN: u32 = 96;
    let FilterLine { sampling } = parse(vec!["filter".into(), filter.into()])?;
    sampling.sampling(SNAPLEN, false).map(|_| ())
}

/// Without what only a person at a terminal can use.
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
        let words = wanted.words("netns:1/ifindex:2".into());
        assert_eq!(
            words,
            [
                "capture",
                "netns:1/ifindex:2",
                "--snaplen",
                "256",
                "--sample",
                "1/10",
                "--write",
                "/tmp/a b",
                "tcp port 443"
            ]
        );
        assert!(parse::<Line>(words).is_ok());
    }

    #[test]
    fn what_is_wrong_is_one_sentence() {
        let wanted = ["capture", "a", "--sample", "2/3"].map(Into::into).to_vec();
        let error = parse::<Line>(wanted).err().unwrap().to_string();
        assert!(error.starts_with("invalid value '2/3' for '--sample <1/N>': "), "{error}");
    }
}
