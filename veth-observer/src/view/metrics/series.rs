//! The series of a scrape, metric by metric, whatever the format.

use super::{
    Scrape,
    served::Served,
    table::{Direction, Metric, Pair, Sample, Samples, Value},
};
use crate::model::report::{Distribution, Hook};

/// Directions by their place in a report.
const DIRECTIONS: [&str; 2] = ["to_peer", "from_peer"];

pub(in crate::view) type Labels = Vec<(&'static str, String)>;

/// One series of a metric, and what it says now.
#[derive(Debug)]
pub(in crate::view) struct Series<'a> {
    /// The pair that it is about; none for what the agent says of itself.
    #[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "text and protobuf say it in labels"))]
    pub(in crate::view) of: Option<&'a Served>,
    pub(in crate::view) labels: Labels,
    pub(in crate::view) content: Content<'a>,
}

#[derive(Debug, Clone, Copy)]
pub(in crate::view) enum Content<'a> {
    Value(Value),
    Times(&'a Distribution),
}

/// All series of a metric but the one that says how long the scrape took.
pub(in crate::view) fn series<'a>(metric: &Metric, scrape: &'a Scrape) -> Vec<Series<'a>> {
    let named = |values: Vec<String>| metric.labels.iter().copied().zip(values).collect::<Labels>();
    let of_agent =
        |(values, value)| Series { of: None, labels: named(values), content: Content::Value(value) };
    let of = |served: &'a Served, values: Vec<String>, value: Value| Series {
        of: Some(served),
        labels: named(values),
        content: Content::Value(value),
    };
    match metric.samples {
        Samples::ScrapeTime => Vec::new(),
        Samples::AgentCount(count) => vec![of_agent((Vec::new(), count(scrape).into()))],
        Samples::AgentNumber(number) => vec![of_agent((Vec::new(), number(scrape).into()))],
        Samples::Agent(samples) => samples(scrape).into_iter().map(of_agent).collect(),
        Samples::Count(count) => directions(scrape)
            .filter_map(|(served, labels, direction)| Some(of(served, labels, count(&direction)?.into())))
            .collect(),
        Samples::Number(number) => directions(scrape)
            .filter_map(|(served, labels, direction)| Some(of(served, labels, number(&direction)?.into())))
            .collect(),
        Samples::Times(times) => directions(scrape)
            .filter_map(|(served, labels, direction)| {
                let content = Content::Times(times(direction.report)?);
                Some(Series { of: Some(served), labels: named(labels), content })
            })
            .collect(),
        Samples::Places(places) => directions(scrape)
            .flat_map(|(served, labels, direction)| {
                below(&labels, places(&direction)).map(move |(values, value)| (served, values, value))
            })
            .map(|(served, values, value)| of(served, values, value))
            .collect(),
        Samples::Pair(samples) => pairs(scrape)
            .flat_map(|(served, pair)| {
                let labels = [served.label.clone()];
                below(&labels, samples(&pair)).map(move |(values, value)| (served, values, value))
            })
            .map(|(served, values, value)| of(served, values, value))
            .collect(),
    }
}

/// The samples with these labels before their own.
fn below(labels: &[String], samples: Vec<Sample>) -> impl Iterator<Item = Sample> + use<> {
    let labels = labels.to_vec();
    samples.into_iter().map(move |(more, value)| ([&labels[..], &more].concat(), value))
}

/// Every pair that is served.
pub(in crate::view) fn pairs(scrape: &Scrape) -> impl Iterator<Item = (&Served, Pair<'_>)> {
    scrape.served.iter().map(|served| {
        let (report, state) =
            (&scrape.snapshot.report.pairs[served.at], &scrape.snapshot.agent.observed[served.at]);
        (served, Pair { report, state })
    })
}

/// Every direction that is served, with the values of its labels.
fn directions(scrape: &Scrape) -> impl Iterator<Item = (&Served, Vec<String>, Direction<'_>)> {
    pairs(scrape).flat_map(move |(served, Pair { report: pair, .. })| {
        [0, 1].map(move |way| {
            let labels = vec![served.label.clone(), DIRECTIONS[way].to_owned()];
            let (report, counts) = (&pair.directions[way], &served.counts[way]);
            let direction =
                Direction { report, counts, detail: scrape.detail, at_xdp: pair.hook != Hook::Tc };
            (served, labels, direction)
        })
    })
}
