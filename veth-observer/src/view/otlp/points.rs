//! Values as data points.

use std::collections::BTreeMap;

pub(super) use opentelemetry_proto::tonic::metrics::v1::NumberDataPoint as Number;
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, KeyValue, any_value},
    metrics::v1::{
        ExponentialHistogramDataPoint, exponential_histogram_data_point::Buckets, number_data_point,
    },
};
use veth_observer_common::buckets;

use super::{names, starts::Starts};
use crate::{
    model::{
        link::{End, Owner},
        report::Distribution,
        snapshot::ProcessState,
    },
    view::{
        escape,
        metrics::{
            Scrape, histogram,
            series::{Content, Series, pairs},
            served::Served,
            table::Value,
        },
    },
};

/// What the points of one export have in common.
pub(super) struct Points<'a> {
    time_unix_nano: u64,
    starts: &'a Starts,
    /// By the place of a pair in the snapshot: the id of its observation, and who lives there.
    pairs: BTreeMap<usize, (u64, Vec<KeyValue>)>,
}

impl<'a> Points<'a> {
    pub(super) fn new(scrape: &Scrape, starts: &'a Starts) -> Self {
        let identity = |(served, pair): (&Served, crate::view::metrics::table::Pair<'_>)| {
            let [near, peer] = &pair.report.ends;
            (served.at, (pair.state.id, owner(peer.owner.as_ref().or(near.owner.as_ref()))))
        };
        let pairs = pairs(scrape).map(identity).collect();
        Self { time_unix_nano: scrape.snapshot.agent.taken_unix_ns, starts, pairs }
    }

    /// Labels as they are, and who lives in the pair as the conventions call it.
    pub(super) fn attributes(&self, series: &Series<'_>) -> Vec<KeyValue> {
        let owner = series.of.and_then(|served| self.pairs.get(&served.at));
        let labels = series.labels.iter().map(|(key, value)| attribute(key, value));
        labels.chain(owner.iter().flat_map(|(_, owner)| owner.iter().cloned())).collect()
    }

    /// `start` is when the count began; 0 where nothing is counted.
    pub(super) fn number(&self, attributes: Vec<KeyValue>, value: Value, start: u64) -> Number {
        Number {
            attributes,
            start_time_unix_nano: start,
            time_unix_nano: self.time_unix_nano,
            value: Some(match value {
                Value::Count(count) => {
                    number_data_point::Value::AsInt(i64::try_from(count).unwrap_or(i64::MAX))
                }
                Value::Number(number) => number_data_point::Value::AsDouble(number),
            }),
            ..Number::default()
        }
    }

    pub(super) fn histogram(&self, series: &Series<'_>) -> Option<ExponentialHistogramDataPoint> {
        let Content::Times(times) = series.content else { return None };
        let seconds = |ns: Option<u64>| ns.map(histogram::seconds);
        Some(ExponentialHistogramDataPoint {
            attributes: self.attributes(series),
            start_time_unix_nano: self.start(series.of),
            time_unix_nano: self.time_unix_nano,
            count: times.count,
            sum: Some(histogram::sum(times)),
            scale: histogram::SCHEMA,
            zero_count: times.buckets.first().copied().unwrap_or(0),
            zero_threshold: histogram::ZERO,
            positive: positive(times),
            min: seconds(times.min_ns),
            max: seconds(times.max_ns),
            ..ExponentialHistogramDataPoint::default()
        })
    }

    /// By mode, as the conventions want it.
    pub(super) fn cpu_time(&self, process: &ProcessState) -> Vec<Number> {
        let user = process.cpu_seconds - process.system_seconds;
        [("user", user), ("system", process.system_seconds)]
            .map(|(mode, seconds)| {
                self.number(vec![attribute(names::CPU_MODE, mode)], seconds.into(), self.start(None))
            })
            .into()
    }

    /// When counting began, of a pair or of the agent. Never after the time of the points, also when the clock on the wall was
    /// set back.
    pub(super) fn start(&self, of: Option<&Served>) -> u64 {
        let id = of.and_then(|served| self.pairs.get(&served.at)).map(|(id, _)| *id);
        self.starts.of(id).min(self.time_unix_nano)
    }
}

/// Of bucket `i` the lower bound is 2^(i/8) s, exclusive: one less than what Prometheus numbers by its upper bound.
fn positive(times: &Distribution) -> Option<Buckets> {
    let (_, counts) = times.buckets.split_first()?;
    let first = counts.iter().position(|count| *count > 0)?;
    let last = counts.iter().rposition(|count| *count > 0)?;
    Some(Buckets { offset: buckets::native(first + 1) - 1, bucket_counts: counts[first..=last].to_vec() })
}

/// Who lives there; nothing where nobody does.
pub(super) fn owner(owner: Option<&Owner>) -> Vec<KeyValue> {
    let Some(owner) = owner else { return Vec::new() };
    // A pod without a namespace is none of Kubernetes.
    let pod = owner.namespace.as_ref().and(owner.pod.as_ref());
    [
        (names::CONTAINER_NAME, owner.name.as_ref()),
        (names::CONTAINER_ID, owner.id.as_ref()),
        (names::NAMESPACE, owner.namespace.as_ref()),
        (names::POD, pod),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some(attribute(key, &escape::name(value?))))
    .collect()
}

/// The interface of an end, where its name can be seen, and who lives there.
pub(super) fn interface(end: &End) -> Vec<KeyValue> {
    let name = end.ifname.as_ref().map(|name| attribute(names::INTERFACE, &escape::name(name)));
    name.into_iter().chain(owner(end.owner.as_ref())).collect()
}

pub(super) fn attribute(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) };
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}
