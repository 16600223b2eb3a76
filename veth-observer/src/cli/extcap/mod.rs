//! `extcap`: pairs as interfaces of Wireshark, which starts us for every question that it has (extcap(4)).

mod capture;
mod install;
mod interfaces;

use std::{ffi::OsString, path::PathBuf};

use anyhow::Result;
use clap::{Args, Subcommand};
use veth_observer_common::sample::MAX_SNAPLEN;

use super::output::{self, Output};
use crate::{fault::Fault, pcap, view};
pub(super) use install::NAME;

/// The shortest snap length: an Ethernet header.
const SHORTEST: u32 = 14;

/// Be a capture program of Wireshark: its list of interfaces then has every veth pair, with both ends in one capture
///
/// `install` puts a link to this program where Wireshark looks for such programs; all else here is for Wireshark to call.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  veth-observer extcap install     for you; --system for everybody
  tshark -D | grep veth-observer
  tshark -i vo-host-veth0 -f 'tcp port 443'
  veth-observer extcap uninstall"
)]
pub struct Extcap {
    #[command(subcommand)]
    install: Option<Install>,
    #[command(flatten)]
    question: Question,
}

#[derive(Debug, Subcommand)]
enum Install {
    /// Link this program into the folder where Wireshark looks for capture programs
    Install(install::Place),
    /// Remove that link
    Uninstall(install::Place),
}

/// What Wireshark asks.
#[derive(Debug, Args)]
#[command(next_help_heading = "For Wireshark")]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
struct Question {
    /// List the pairs
    #[arg(long)]
    extcap_interfaces: bool,
    /// The version of Wireshark
    #[arg(long, value_name = "VERSION")]
    extcap_version: Option<String>,
    /// The pair that is meant, as it was listed
    #[arg(long, value_name = "INTERFACE")]
    extcap_interface: Option<String>,
    /// List the link types of a pair
    #[arg(long)]
    extcap_dlts: bool,
    /// List the options of a pair
    #[arg(long)]
    extcap_config: bool,
    /// Only frames that match; without --capture, say nothing when it is a filter, and what is wrong when it is not
    #[arg(long, value_name = "FILTER", allow_hyphen_values = true)]
    extcap_capture_filter: Option<String>,
    /// Capture
    #[arg(long, requires_all = ["extcap_interface", "fifo"])]
    capture: bool,
    /// Where to write to
    #[arg(long, value_name = "PATH")]
    fifo: Option<PathBuf>,
    /// Bytes to keep of each frame
    #[arg(long, value_name = "BYTES", default_value_t = MAX_SNAPLEN, value_parser = clap::value_parser!(u32).range(i64::from(SHORTEST)..=i64::from(MAX_SNAPLEN)))]
    snaplen: u32,
    /// Take one buffer in N
    #[arg(long, value_name = "1/N", default_value = "1/1")]
    sample: String,
}

impl Extcap {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        match self.install {
            Some(Install::Install(place)) => place.install(out),
            Some(Install::Uninstall(place)) => place.uninstall(out),
            None => self.question.answer(out).await,
        }
    }
}

impl Question {
    async fn answer(self, out: &mut Output) -> Result<()> {
        if self.extcap_interfaces {
            return out.text(&view::extcap::list(&interfaces::all().await, env!("CARGO_PKG_VERSION")));
        }
        if self.extcap_dlts {
            return out.text(&view::extcap::link_types());
        }
        if self.extcap_config {
            return out.text(&view::extcap::options([SHORTEST, MAX_SNAPLEN]));
        }
        let filter = self.extcap_capture_filter;
        if let (true, Some(interface), Some(fifo)) = (self.capture, self.extcap_interface, self.fifo) {
            output::hush();
            // It passes an empty one for none.
            let filter = filter.filter(|filter| !filter.trim().is_empty());
            let (snaplen, sample) = (self.snaplen, self.sample);
            return capture::Wanted { interface, fifo, snaplen, sample, filter }.run(out).await;
        }
        if let Some(filter) = filter {
            // Of a program that fails, what it printed is not shown.
            return pcap::compile(&filter).map(|_| ()).or_else(|error| out.line(format!("{error:#}")));
        }
        Err(Fault::usage(
            "extcap says nothing unless Wireshark asks it; to be found by Wireshark it must be installed",
        )
        .fix("veth-observer extcap install")
        .into())
    }
}

/// The command line, where the name that we were called by stands for a command.
pub(super) fn words(typed: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = typed.into_iter().collect();
    let called = words.first().and_then(|word| std::path::Path::new(word).file_name());
    if called.is_some_and(|name| name == NAME) {
        words.insert(1, "extcap".into());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_link_is_a_command() {
        let words = |line: &[&str]| words(line.iter().map(OsString::from));
        assert_eq!(words(&["/a/veth-observer-extcap", "-x"]), ["/a/veth-observer-extcap", "extcap", "-x"]);
        assert_eq!(words(&["veth-observer", "list"]), ["veth-observer", "list"]);
        assert!(words(&[]).is_empty());
    }
}
