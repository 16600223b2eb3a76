//! A pair whose numbers come from our own programs, or from those of a running agent.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::remote::Remote;
use crate::{
    model::report::{Report, Source},
    observe::Observation,
};

pub(super) enum Observed {
    Direct(Box<Observation>),
    Agent(Box<Remote>),
}

/// What is printed, and who counted it.
#[derive(Serialize)]
pub(super) struct Sourced<'a, T> {
    #[serde(flatten)]
    pub(super) what: &'a T,
    pub(super) source: Source,
}

impl Observed {
    /// An agent cannot be asked for reports more often.
    pub(super) const FASTEST: Duration = Duration::from_millis(200);

    pub(super) fn source(&self) -> Source {
        match self {
            Self::Direct(_) => Source::Direct,
            Self::Agent(_) => Source::Agent,
        }
    }

    /// How often it wants to be tended.
    pub(super) fn look(&self) -> Duration {
        match self {
            Self::Direct(_) => Observation::LOOK,
            Self::Agent(_) => Remote::LOOK,
        }
    }

    /// True while there is something to observe.
    pub(super) async fn tend(&mut self) -> Result<bool> {
        match self {
            Self::Direct(observation) => observation.tend().await,
            Self::Agent(remote) => Ok(remote.report().await.pairs[0].ended.is_none()),
        }
    }

    /// The ledger as it stands.
    pub(super) async fn report(&mut self) -> Result<Report> {
        match self {
            Self::Direct(observation) => {
                observation.follow().await;
                observation.report()
            }
            Self::Agent(remote) => Ok(remote.report().await),
        }
    }

    /// The final report, when what is in flight has landed or is lost.
    pub(super) async fn finish(&mut self) -> Result<Report> {
        match self {
            Self::Direct(observation) => observation.finish().await,
            Self::Agent(remote) => Ok(remote.finish().await),
        }
    }

    pub(super) fn flush_log(&mut self) {
        if let Self::Direct(observation) = self {
            observation.flush_log();
        }
    }

    /// An error when whoever counted went away before it was told to.
    pub(super) fn verdict(&self) -> Result<()> {
        match self {
            Self::Direct(_) => Ok(()),
            Self::Agent(remote) => remote.verdict(),
        }
    }
}
