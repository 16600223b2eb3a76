//! Snapshots of many pairs as OpenTelemetry takes them: the request of an export of metrics.
//!
//! * [`names`]: the one table of names and units, and which row of the table of metrics each value comes from.
//! * [`starts`]: when each count began.
//! * `points`: values as data points; histograms on the kernel's grid, which is that of exponential ones.
//! * `ends`: what the conventions count for each interface.

mod ends;
pub mod names;
mod points;
pub mod starts;
#[cfg(test)]
mod tests;

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::InstrumentationScope,
    metrics::v1::{
        AggregationTemporality, ExponentialHistogram, Gauge, Metric, ResourceMetrics, ScopeMetrics, Sum,
        metric::Data,
    },
    resource::v1::Resource,
};

use self::{
    names::{NAMES, Name, Origin, Values},
    points::Points,
    starts::Starts,
};
use super::metrics::{
    Scrape,
    series::{Content, Series, series},
    table::{self, Kind},
};

/// The conventions whose names these are.
const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

/// All of a scrape but what the web server says of itself. `resource` is what the agent is, by name.
pub fn request(
    scrape: &Scrape,
    starts: &Starts,
    resource: &[(String, String)],
) -> ExportMetricsServiceRequest {
    let points = Points::new(scrape, starts);
    let scope = InstrumentationScope {
        name: "veth-observer".to_owned(),
        version: scrape.versions.observer.to_owned(),
        ..InstrumentationScope::default()
    };
    let metrics = ScopeMetrics {
        scope: Some(scope),
        metrics: NAMES.iter().filter_map(|name| metric(name, scrape, &points)).collect(),
        schema_url: SCHEMA_URL.to_owned(),
    };
    let attributes = resource.iter().map(|(key, value)| points::attribute(key, value)).collect();
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource { attributes, ..Resource::default() }),
            scope_metrics: vec![metrics],
            schema_url: SCHEMA_URL.to_owned(),
        }],
    }
}

/// None when it says nothing now.
fn metric(name: &Name, scrape: &Scrape, points: &Points<'_>) -> Option<Metric> {
    let (help, data) = match name.values {
        Values::Metric(of) => {
            let row = table::metrics().find(|row| row.name == of)?;
            (row.help, data(row.kind, &name.origin, &series(row, scrape), points)?)
        }
        Values::Bytes(help) => (help, sum(ends::bytes(scrape, points), true)),
        Values::Drops(help) => (help, sum(ends::drops(scrape, points), true)),
        Values::CpuTime(help) => (help, sum(points.cpu_time(&scrape.process), true)),
    };
    Some(Metric {
        name: name.name.to_owned(),
        description: help.to_owned(),
        unit: name.unit.to_owned(),
        metadata: Vec::new(),
        data: Some(data),
    })
}

fn data(kind: Kind, origin: &Origin, series: &[Series<'_>], points: &Points<'_>) -> Option<Data> {
    if series.is_empty() {
        return None;
    }
    let numbers = |is_sum: bool| {
        let number = |series: &Series<'_>| match series.content {
            Content::Value(value) => {
                let start = if is_sum { points.start(series.of) } else { 0 };
                Some(points.number(points.attributes(series), value, start))
            }
            Content::Times(_) => None,
        };
        series.iter().filter_map(number).collect()
    };
    Some(match (kind, origin) {
        (Kind::Counter, _) => sum(numbers(true), true),
        // Each gauge of ours that has a name in the conventions is an UpDownCounter there.
        (Kind::Gauge, Origin::Convention(_)) => sum(numbers(true), false),
        (Kind::Gauge | Kind::Info, _) => Data::Gauge(Gauge { data_points: numbers(false) }),
        (Kind::Histogram, _) => Data::ExponentialHistogram(ExponentialHistogram {
            data_points: series.iter().filter_map(|series| points.histogram(series)).collect(),
            aggregation_temporality: AggregationTemporality::Cumulative.into(),
        }),
    })
}

fn sum(data_points: Vec<points::Number>, is_monotonic: bool) -> Data {
    Data::Sum(Sum {
        data_points,
        aggregation_temporality: AggregationTemporality::Cumulative.into(),
        is_monotonic,
    })
}
