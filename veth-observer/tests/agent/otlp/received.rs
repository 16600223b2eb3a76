//! What came, and finding one's way in it.

use std::{collections::BTreeMap, time::Instant};

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{KeyValue, any_value},
    metrics::v1::{ExponentialHistogramDataPoint, Metric, NumberDataPoint, metric::Data, number_data_point},
};

#[derive(Debug, Clone)]
pub(super) struct Received {
    /// The request line and the headers.
    pub(super) head: String,
    pub(super) request: ExportMetricsServiceRequest,
    pub(super) at: Instant,
}

pub(super) type Attributes = BTreeMap<String, String>;

impl Received {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(super) fn resource(&self) -> Attributes {
        attributes(&self.request.resource_metrics[0].resource.as_ref().unwrap().attributes)
    }

    pub(super) fn metrics(&self) -> &[Metric] {
        &self.request.resource_metrics[0].scope_metrics[0].metrics
    }

    fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics().iter().find(|metric| metric.name == name)
    }

    /// The one point of a sum or gauge that has these attributes, and perhaps more.
    pub(super) fn point(&self, name: &str, with: &[(&str, &str)]) -> Option<&NumberDataPoint> {
        let fits: Vec<_> =
            numbers(self.metric(name)?).iter().filter(|point| has(&point.attributes, with)).collect();
        assert!(fits.len() <= 1, "{name} {with:?}: {fits:?}");
        fits.first().copied()
    }

    pub(super) fn value(&self, name: &str, with: &[(&str, &str)]) -> Option<f64> {
        self.point(name, with).map(value)
    }

    pub(super) fn histogram(
        &self,
        name: &str,
        with: &[(&str, &str)],
    ) -> Option<&ExponentialHistogramDataPoint> {
        histograms(self.metric(name)?).iter().find(|point| has(&point.attributes, with))
    }

    /// When it was taken: all points say the same.
    pub(super) fn time(&self) -> u64 {
        let mut times: Vec<u64> = self
            .metrics()
            .iter()
            .flat_map(|metric| {
                let numbers = numbers(metric).iter().map(|point| point.time_unix_nano);
                numbers.chain(histograms(metric).iter().map(|point| point.time_unix_nano))
            })
            .collect();
        times.dedup();
        assert_eq!(times.len(), 1, "{times:?}");
        times[0]
    }
}

pub(super) fn numbers(metric: &Metric) -> &[NumberDataPoint] {
    match metric.data.as_ref().expect("data") {
        Data::Sum(sum) => &sum.data_points,
        Data::Gauge(gauge) => &gauge.data_points,
        _ => &[],
    }
}

pub(super) fn histograms(metric: &Metric) -> &[ExponentialHistogramDataPoint] {
    match metric.data.as_ref().expect("data") {
        Data::ExponentialHistogram(histogram) => &histogram.data_points,
        _ => &[],
    }
}

#[expect(clippy::cast_precision_loss, reason = "the numbers of these tests are small")]
pub(super) fn value(point: &NumberDataPoint) -> f64 {
    match point.value.expect("a value") {
        number_data_point::Value::AsDouble(value) => value,
        number_data_point::Value::AsInt(value) => value as f64,
    }
}

pub(super) fn attributes(attributes: &[KeyValue]) -> Attributes {
    let one = |it: &KeyValue| match it.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(any_value::Value::StringValue(value)) => (it.key.clone(), value.clone()),
        other => panic!("{}: {other:?}", it.key),
    };
    let all: Attributes = attributes.iter().map(one).collect();
    assert_eq!(all.len(), attributes.len(), "an attribute twice");
    all
}

fn has(have: &[KeyValue], with: &[(&str, &str)]) -> bool {
    let have = attributes(have);
    with.iter().all(|(key, value)| have.get(*key).is_some_and(|have| have == value))
}
