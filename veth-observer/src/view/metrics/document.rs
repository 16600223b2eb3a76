//! The table of metrics for people and programs.

use std::fmt::Write;

use serde::Serialize;

use super::table::{self, Metric};
use crate::{model::SCHEMA, view::table::aligned};

const INTRODUCTION: &str = "\
# Metrics

What the agent serves on `/metrics`. This page is written by `cargo xtask metrics`, from the table in the code that also
serves the metrics (`veth-observer/src/view/metrics/table/`); `veth-observer metrics` prints it.

* `pair` names a pair: a configured alias, else pod, container, or namespace and interface. All else about it is in
  `veth_pair_info`. Where two pairs want one name, the younger is called `NAME#N`.
* `direction` is `to_peer`, away from the end in the agent's namespace (of two there, from the one of the lower index), or
  `from_peer`.
* Each number is what [measurement.md](measurement.md) says of it. At any moment, in frames,
  sent = received + dropped + (lost - corrected, `count=\"lost\"`) + in flight + unexplained.
* Counters never fall. `veth_frames_lost_total` and `veth_frames_unmatched_total` hold all that was ever found lost or
  unmatched; what later turned out otherwise is counted in `veth_frames_corrected_total` beside them. What is lost now is the
  difference.
* Histograms are classic in text and OpenMetrics: 29 buckets, two to a doubling, from 2⁻²² s (238 ns) to 2⁻⁸ s (3.9 ms), or on
  request 15. In protobuf they also are native histograms of schema 3, 8 buckets to a doubling, so that every quantile is within
  4.5 %; what takes at most 2⁻²⁷ s (7 ns) is in the zero bucket, and what takes longer than 64 s in the first bucket above
  it. Both are exact merges of what the kernel counted, and sums are exact.
* A pair that is gone is served once more, to whoever scrapes next, and then ends. `location` is only told on request.
* A pair takes 172 series with classic histograms, 116 with coarse ones, 48 with native ones; drops, XDP and probes come on top.
";

/// A row of the table as JSON.
#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    unit: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
}

#[derive(Debug, Serialize)]
struct Table {
    schema: u32,
    metrics: Vec<Row>,
}

/// For programs.
pub fn json() -> impl Serialize {
    let row = |metric: &Metric| Row {
        name: metric.name,
        kind: metric.kind.as_str(),
        unit: metric.unit.as_str(),
        labels: metric.labels,
        help: metric.help,
    };
    Table { schema: SCHEMA, metrics: table::metrics().map(row).collect() }
}

/// For a terminal.
pub fn text() -> String {
    let rows = table::metrics().map(|metric| {
        let (kind, unit) = (metric.kind.as_str(), metric.unit.as_str());
        [metric.name, kind, unit, &metric.labels.join(","), metric.help].map(str::to_owned).to_vec()
    });
    aligned(&["METRIC", "TYPE", "UNIT", "LABELS", "HELP"], rows.collect(), 5)
}

/// `docs/metrics.md`.
pub fn markdown() -> String {
    let mut text = INTRODUCTION.to_owned();
    text += "\n| metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n";
    for metric in table::metrics() {
        let (kind, unit) = (metric.kind.as_str(), metric.unit.as_str());
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(
            text,
            "| `{}` | {kind} | {unit} | {} | {} |",
            metric.name,
            labels.join(", "),
            metric.help
        );
    }
    text
}
