//! Snapshots as metrics, in the formats that Prometheus reads.
//!
//! * [`table`]: the one table of names, types, units, labels and help, and where each value comes from.
//! * [`served`]: which pairs an exposition holds, under which labels, and counts that never fall.
//! * [`series`]: what each metric says of a scrape, whatever the format.
//! * [`document`]: the table for people.

mod collector;
pub mod document;
pub(in crate::view) mod histogram;
pub(in crate::view) mod series;
pub mod served;
pub mod table;
#[cfg(test)]
pub(in crate::view) mod tests;
mod text;

use std::{fmt, sync::Arc};

use prometheus_client::{
    encoding::{prometheus_protobuf, text as openmetrics},
    registry::Registry,
};

use crate::model::snapshot::{ProcessState, Snapshot, WebState};
use collector::{Collector, Part};
use served::Served;

/// What a scraper can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Prometheus text, the one that everything reads.
    Text,
    OpenMetrics,
    /// With native histograms beside the classic ones.
    Protobuf,
}

impl Format {
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }
}

/// How much detail is worth its series.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Detail {
    /// Classic histograms with 15 buckets, one per doubling, in place of 29.
    pub coarse: bool,
    /// Also the kernel function in which frames were dropped.
    pub drop_locations: bool,
}

/// All that one exposition says.
#[derive(Debug)]
pub struct Scrape {
    pub snapshot: Arc<Snapshot>,
    pub served: Vec<Served>,
    pub web: WebState,
    pub process: ProcessState,
    pub versions: Versions,
    pub detail: Detail,
}

/// Of the observer and of the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    pub observer: &'static str,
    pub kernel: String,
}

/// Everything but the last metric, how long the scrape took.
pub fn body(scrape: &Arc<Scrape>, format: Format) -> Result<Vec<u8>, fmt::Error> {
    encode(Collector { scrape: Arc::clone(scrape), part: Part::Body }, format)
}

/// What follows the body.
pub fn ending(scrape: &Arc<Scrape>, format: Format, seconds: f64) -> Result<Vec<u8>, fmt::Error> {
    let mut ending = encode(Collector { scrape: Arc::clone(scrape), part: Part::Ending(seconds) }, format)?;
    if format == Format::OpenMetrics {
        let mut end = String::new();
        openmetrics::encode_eof(&mut end)?;
        ending.extend_from_slice(end.as_bytes());
    }
    Ok(ending)
}

fn encode(collector: Collector, format: Format) -> Result<Vec<u8>, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(collector));
    if format == Format::Protobuf {
        return prometheus_protobuf::encode_to_vec(&registry).map_err(|_| fmt::Error);
    }
    let mut encoded = String::new();
    openmetrics::encode_registry(&mut encoded, &registry)?;
    Ok(if format == Format::Text { text::from_openmetrics(&encoded) } else { encoded }.into_bytes())
}
