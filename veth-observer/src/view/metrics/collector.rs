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
    table::{self, Direction, Kind, Metric, Pair, Sample, Samples, Unit, Value},
};
use crate::model::report::{Distribution, Hook};

/// Directions by their place in a report.
pub(super) const DIRECTIONS: [&str; 2] = ["to_peer", "from_peer"];

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

type Labels = Vec<(&'static str, String)>;

enum Content<'a> {
    Value(Value),
    Times(&'a Distribution),
}

impl collector::Collector for Collector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        for metric in table::metrics() {
            let samples = samples(metric, &self.scrape, self.part);
            if samples.is_empty() {
                continue;
            }
            let unit = unit(metric.unit);
            let name = family(metric, unit.as_ref());
            let mut family =
                encoder.encode_descriptor(name, metric.help, unit.as_ref(), kind(metric.kind))?;
            for (labels, content) in &samples {
                write(&mut family, metric.kind, labels, content, self.scrape.detail)?;
            }
        }
        Ok(())
    }
}

fn samples<'a>(metric: &Metric, scrape: &'a Scrape, part: Part) -> Vec<(Labels, Content<'a>)> {
    let named = |values: Vec<String>| metric.labels.iter().copied().zip(values).collect::<Labels>();
    let one = |value: Value| vec![(Labels::new(), Content::Value(value))];
    let seconds = match (metric.samples, part) {
        (Samples::ScrapeTime, Part::Ending(seconds)) => seconds,
        (Samples::ScrapeTime, Part::Body) | (_, Part::Ending(_)) => return Vec::new(),
        (_, Part::Body) => 0.0,
    };
    match metric.samples {
        Samples::ScrapeTime => one(seconds.into()),
        Samples::AgentCount(count) => one(count(scrape).into()),
        Samples::AgentNumber(number) => one(number(scrape).into()),
        Samples::Agent(samples) => samples(scrape)
            .into_iter()
            .map(|(values, value)| (named(values), Content::Value(value)))
            .collect(),
        Samples::Count(count) => directions(scrape)
            .filter_map(|(labels, direction)| {
                Some((named(labels), Content::Value(count(&direction)?.into())))
            })
            .collect(),
        Samples::Number(number) => directions(scrape)
            .filter_map(|(labels, direction)| {
                Some((named(labels), Content::Value(number(&direction)?.into())))
            })
            .collect(),
        Samples::Times(times) => directions(scrape)
            .filter_map(|(labels, direction)| Some((named(labels), Content::Times(times(direction.report)?))))
            .collect(),
        Samples::Places(places) => directions(scrape)
            .flat_map(|(labels, direction)| below(&labels, places(&direction)))
            .map(|(values, value)| (named(values), Content::Value(value)))
            .collect(),
        Samples::Pair(samples) => pairs(scrape)
            .flat_map(|(label, pair)| below(&[label.to_owned()], samples(&pair)))
            .map(|(values, value)| (named(values), Content::Value(value)))
            .collect(),
    }
}

/// The samples with these labels before their own.
fn below(labels: &[String], samples: Vec<Sample>) -> Vec<Sample> {
    samples.into_iter().map(|(more, value)| ([labels, &more].concat(), value)).collect()
}

fn pairs(scrape: &Scrape) -> impl Iterator<Item = (&str, Pair<'_>)> {
    scrape.served.iter().map(|served| {
        let (report, state) =
            (&scrape.snapshot.report.pairs[served.at], &scrape.snapshot.agent.observed[served.at]);
        (served.label.as_str(), Pair { report, state })
    })
}

/// Every direction that is served, with its labels.
fn directions(scrape: &Scrape) -> impl Iterator<Item = (Vec<String>, Direction<'_>)> {
    scrape.served.iter().flat_map(move |served| {
        let pair = &scrape.snapshot.report.pairs[served.at];
        [0, 1].map(move |way| {
            let labels = vec![served.label.clone(), DIRECTIONS[way].to_owned()];
            let (report, counts) = (&pair.directions[way], &served.counts[way]);
            (labels, Direction { report, counts, detail: scrape.detail, at_xdp: pair.hook != Hook::Tc })
        })
    })
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
