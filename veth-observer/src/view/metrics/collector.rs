//! From a scrape to what the encoder of the format takes.

use std::{fmt, sync::Arc};

use prometheus_client::{
    collector,
    encoding::{DescriptorEncoder, MetricEncoder, NativeHistogram, NativeHistogramBuckets, NoLabelSet},
    metrics::MetricType,
    registry,
};

use super::{
    Detail, Scrape, histogram,
    series::{self, Content, Labels, Series},
    table::{self, Kind, Metric, Samples, Unit, Value},
};
use crate::model::report::Distribution;

#[derive(Debug)]
pub(super) struct Collector {
    pub(super) scrape: Arc<Scrape>,
    pub(super) part: Part,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Body,
    /// With the seconds that the scrape took.
    Ending(f64),
}

impl collector::Collector for Collector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        for metric in table::metrics() {
            let series = series(metric, &self.scrape, self.part);
            if series.is_empty() {
                continue;
            }
            let unit = unit(metric.unit);
            let name = family(metric, unit.as_ref());
            let mut family =
                encoder.encode_descriptor(name, metric.help, unit.as_ref(), kind(metric.kind))?;
            for Series { labels, content, .. } in &series {
                write(&mut family, metric.kind, labels, content, self.scrape.detail)?;
            }
        }
        Ok(())
    }
}

fn series<'a>(metric: &Metric, scrape: &'a Scrape, part: Part) -> Vec<Series<'a>> {
    match (metric.samples, part) {
        (Samples::ScrapeTime, Part::Ending(seconds)) => {
            vec![Series { of: None, labels: Vec::new(), content: Content::Value(seconds.into()) }]
        }
        (_, Part::Ending(_)) => Vec::new(),
        (_, Part::Body) => series::series(metric, scrape),
    }
}

fn write(
    family: &mut MetricEncoder<'_>,
    kind: Kind,
    labels: &Labels,
    content: &Content<'_>,
    detail: Detail,
) -> fmt::Result {
    match kind {
        Kind::Info => family.encode_info(labels),
        _ if labels.is_empty() => write_one(family, kind, content, detail),
        _ => write_one(&mut family.encode_family(labels)?, kind, content, detail),
    }
}

fn write_one(
    encoder: &mut MetricEncoder<'_>,
    kind: Kind,
    content: &Content<'_>,
    detail: Detail,
) -> fmt::Result {
    match (kind, content) {
        (Kind::Counter, Content::Value(Value::Count(count))) => {
            encoder.encode_counter::<NoLabelSet, _, f64>(count, None)
        }
        (Kind::Counter, Content::Value(Value::Number(number))) => {
            encoder.encode_counter::<NoLabelSet, _, f64>(number, None)
        }
        (_, Content::Value(Value::Count(count))) => encoder.encode_gauge(count),
        (_, Content::Value(Value::Number(number))) => encoder.encode_gauge(number),
        (_, Content::Times(times)) => write_times(encoder, times, detail),
    }
}

fn write_times(encoder: &mut MetricEncoder<'_>, times: &Distribution, detail: Detail) -> fmt::Result {
    let native = histogram::native(times);
    encoder.encode_histogram_with_native::<NoLabelSet>(
        histogram::sum(times),
        times.count,
        &histogram::classic(times, detail.coarse),
        None,
        NativeHistogram {
            schema: histogram::SCHEMA,
            zero_threshold: histogram::ZERO,
            zero_count: native.zero_count,
            negative: NativeHistogramBuckets { spans: &[], deltas: &[] },
            positive: NativeHistogramBuckets { spans: &native.spans, deltas: &native.deltas },
            created: None,
        },
    )
}

/// The name without what the encoder adds.
fn family(metric: &Metric, unit: Option<&registry::Unit>) -> &'static str {
    let name = match metric.kind {
        Kind::Counter => metric.name.strip_suffix("_total"),
        Kind::Info => metric.name.strip_suffix("_info"),
        Kind::Gauge | Kind::Histogram => None,
    }
    .unwrap_or(metric.name);
    let unit = unit.map_or("", registry::Unit::as_str);
    name.strip_suffix(unit).and_then(|name| name.strip_suffix('_')).unwrap_or(name)
}

/// Units that stand at the end of a name.
fn unit(unit: Unit) -> Option<registry::Unit> {
    match unit {
        Unit::Seconds => Some(registry::Unit::Seconds),
        Unit::Bytes => Some(registry::Unit::Bytes),
        _ => None,
    }
}

fn kind(kind: Kind) -> MetricType {
    match kind {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
        Kind::Histogram => MetricType::Histogram,
        Kind::Info => MetricType::Info,
    }
}
