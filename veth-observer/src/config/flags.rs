//! What the command line and the environment say.

use std::{collections::BTreeMap, path::PathBuf};

use clap::{ArgMatches, Args, Command, FromArgMatches, parser::ValueSource};

use super::values::{Interval, LossTimeout};
use crate::{agent::http, topology::Selector};

/// Settings of the agent; each may also come from the environment or the file.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct Flags {
    // Before the others: whoever takes a value takes where it came from with it.
    #[command(flatten)]
    pub(super) given: Given,
    /// Read settings from this TOML file [default: /etc/veth-observer/config.toml, if it is there]
    #[arg(long, value_name = "FILE", env = "VETH_OBSERVER_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// Observe only such pairs; may be given several times: NAME, container:NAME, pod:NS/NAME, netns:NS/NAME or pair:NAME
    #[arg(
        long,
        value_name = "SELECTOR",
        value_delimiter = ',',
        env = "VETH_OBSERVER_PAIRS",
        hide_env_values = true
    )]
    pub(super) pairs: Vec<Selector>,
    /// Do not observe such pairs
    #[arg(
        long,
        value_name = "SELECTOR",
        value_delimiter = ',',
        env = "VETH_OBSERVER_EXCLUDE",
        hide_env_values = true
    )]
    pub(super) exclude: Vec<Selector>,
    /// Observe at most so many pairs, and only count the rest
    #[arg(
        long,
        default_value_t = 1000,
        value_name = "N",
        env = "VETH_OBSERVER_MAX_PAIRS",
        hide_env_values = true
    )]
    pub(super) max_pairs: usize,
    /// Count a frame as lost when it has not arrived after this long, from 100ms to 1m
    #[arg(
        long,
        default_value_t,
        value_name = "DURATION",
        env = "VETH_OBSERVER_LOSS_TIMEOUT",
        hide_env_values = true
    )]
    pub(super) loss_timeout: LossTimeout,
    /// Print a report so often, as JSON lines
    #[arg(long, value_name = "DURATION", env = "VETH_OBSERVER_INTERVAL", hide_env_values = true)]
    pub(super) interval: Option<Interval>,
    #[command(flatten)]
    pub(super) web: http::Flags,
}

impl Flags {
    /// Whether the command line says anything.
    pub fn are_given(&self) -> bool {
        let all = Self::augment_args(Command::new(""));
        all.get_arguments()
            .any(|flag| self.given.source(flag.get_id().as_str()) == Some(ValueSource::CommandLine))
    }
}

/// Where the values came from that are no defaults.
#[derive(Debug, Clone, Default)]
pub(super) struct Given(BTreeMap<String, ValueSource>);

impl Given {
    /// Of an argument by its name in the structure.
    pub(super) fn source(&self, argument: &str) -> Option<ValueSource> {
        self.0.get(argument).copied()
    }
}

impl FromArgMatches for Given {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given = Self::default();
        given.update_from_arg_matches(matches)?;
        Ok(given)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let sources =
            matches.ids().filter_map(|id| Some((id.to_string(), matches.value_source(id.as_str())?)));
        self.0 = sources.filter(|(_, source)| *source != ValueSource::DefaultValue).collect();
        Ok(())
    }
}

/// It has no argument of its own.
impl Args for Given {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}
