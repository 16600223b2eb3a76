//! What a row of the table of metrics is; the rows are in [`pairs`] and [`agent`].

mod agent;
mod pairs;

use super::{Detail, Scrape, served};
use crate::model::{
    report::{DirectionReport, Distribution, PairReport},
    snapshot::PairState,
};

/// Every metric: what is measured of pairs first, then what the agent says of itself.
pub fn metrics() -> impl Iterator<Item = &'static Metric> {
    pairs::METRICS.iter().chain(agent::METRICS)
}

/// One metric: what it is called and means, and where its values come from.
#[derive(Debug)]
pub struct Metric {
    /// As text and protobuf call it, unit and `_total` included.
    pub name: &'static str,
    pub kind: Kind,
    pub unit: Unit,
    pub labels: &'static [&'static str],
    pub help: &'static str,
    pub(super) samples: Samples,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    /// Classic, and in protobuf also native.
    Histogram,
    /// A gauge that is always 1: what it says is in its labels.
    Info,
}

impl Kind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    None,
    /// 0 or 1.
    Bool,
    Bytes,
    Count,
    Frames,
    Ratio,
    Seconds,
    Skbs,
}

impl Unit {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Bool => "bool",
            Self::Bytes => "bytes",
            Self::Count => "count",
            Self::Frames => "frames",
            Self::Ratio => "ratio",
            Self::Seconds => "seconds",
            Self::Skbs => "skbs",
        }
    }
}

/// Where the values of a metric come from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Samples {
    /// A count for each direction of each pair, where there is one.
    Count(fn(&Direction<'_>) -> Option<u64>),
    Number(fn(&Direction<'_>) -> Option<f64>),
    /// Times of each direction, where there are any.
    Times(Times),
    /// Some for each direction, with the labels that follow `direction`.
    Places(fn(&Direction<'_>) -> Vec<Sample>),
    /// Some for each pair, with the labels that follow `pair`.
    Pair(fn(&Pair<'_>) -> Vec<Sample>),
    /// Of the agent, with all labels.
    Agent(fn(&Scrape) -> Vec<Sample>),
    AgentCount(fn(&Scrape) -> u64),
    AgentNumber(fn(&Scrape) -> f64),
    /// How long this very scrape took.
    ScrapeTime,
}

pub(super) type Times = for<'a> fn(&'a DirectionReport) -> Option<&'a Distribution>;

/// A pair that is served.
#[derive(Debug, Clone, Copy)]
pub(in crate::view) struct Pair<'a> {
    pub(in crate::view) report: &'a PairReport,
    pub(in crate::view) state: &'a PairState,
}

/// One way of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Direction<'a> {
    pub(super) report: &'a DirectionReport,
    pub(super) counts: &'a served::Counts,
    pub(super) detail: Detail,
    /// Whether arrivals are timed at XDP.
    pub(super) at_xdp: bool,
}

/// Values of labels, and the value that they have.
pub(in crate::view) type Sample = (Vec<String>, Value);

#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::view) enum Value {
    Count(u64),
    Number(f64),
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value {
    fn from(holds: bool) -> Self {
        Self::Count(u64::from(holds))
    }
}
