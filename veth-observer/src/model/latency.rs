//! What a measurement of latency says beside the report: its name, the percentiles and bins that were asked for, and
//! whether the thresholds were met.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::{
    quantile::Bin,
    report::{DirectionReport, Distribution, PairReport, Report, StageReport},
};

/// A report with the measurement beside it: what `latency -j` prints.
#[derive(Debug, Clone, Serialize)]
pub struct LatencyReport {
    #[serde(flatten)]
    pub report: Report,
    pub latency: Latency,
}

#[derive(Debug, Clone, Serialize)]
pub struct Latency {
    /// What the caller calls this run.
    pub label: Option<String>,
    /// Whether probe frames were sent; they, and not the traffic, are then held against the thresholds.
    pub active: bool,
    pub directions: Vec<Times>,
    pub thresholds: Vec<Judgement>,
    /// None when there was no threshold.
    pub verdict: Option<Verdict>,
    pub command: Option<CommandEnd>,
}

/// The times of one direction, by quantity: `delay`, `variation`, and with probes `probe_delay` and `probe_variation`.
#[derive(Debug, Clone, Serialize)]
pub struct Times {
    pub from: String,
    pub to: String,
    /// Nanoseconds by percentile as it was asked for: `p50`, `p99.9`.
    pub percentiles_ns: BTreeMap<&'static str, BTreeMap<String, Option<u64>>>,
    /// Buckets of the grid from the first to the last that is not empty; none unless asked for.
    /// Mean waits of traffic and of probes by stage; none unless asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_ns: Option<BTreeMap<&'static str, Waits>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub histogram: Option<BTreeMap<&'static str, Vec<Bin>>>,
}

/// How long a frame waits in each stage, on average: differences of the means of the times at its ends, which are exact
/// where the same frames were seen at both. `None` where they were not, because frames died between, and where there were
/// none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Waits {
    /// In the queueing disciplines.
    pub qdisc: Option<u64>,
    /// In the ring or backlog of the receiver, until its softirq.
    pub ring: Option<u64>,
    /// From there to the ingress hook.
    pub hook: Option<u64>,
}

impl Waits {
    fn new(stages: &StageReport, delay: &Distribution) -> Self {
        let between = |from: &Distribution, to: &Distribution| {
            let same = from.count == to.count;
            if same { to.mean_ns?.checked_sub(from.mean_ns?) } else { None }
        };
        Self {
            qdisc: stages.to_device.mean_ns,
            ring: between(&stages.to_device, &stages.to_stack),
            hook: between(&stages.to_stack, delay),
        }
    }

    /// Of traffic, and of probes where there are any.
    pub fn of(direction: &DirectionReport) -> Vec<(&'static str, &StageReport, &Distribution, Self)> {
        let traffic = direction.stages.as_ref().map(|stages| ("delay", stages, &direction.delay));
        let probes = direction.probes.as_ref();
        let probes = probes.and_then(|it| Some(("probe_delay", it.stages.as_ref()?, &it.delay)));
        let all = traffic.into_iter().chain(probes);
        all.map(|(name, stages, delay)| (name, stages, delay, Self::new(stages, delay))).collect()
    }
}

/// A percentile as it was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Percentile {
    /// `99.9`
    pub text: String,
    /// 0.999
    pub share: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Pass,
    Fail,
}

/// One threshold and one direction.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judgement {
    /// `delay p99`, `loss`, `reordered`.
    pub quantity: String,
    pub unit: Unit,
    /// None when nothing was measured in either.
    pub from: Option<String>,
    pub to: Option<String>,
    #[serde(serialize_with = "number")]
    pub limit: f64,
    /// None when there was nothing to measure, which does not meet any limit.
    #[serde(serialize_with = "maybe_number")]
    pub measured: Option<f64>,
    /// Why what was measured is not known to be right, and so meets no limit.
    pub doubt: Option<String>,
    pub met: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Ns,
    Ratio,
    Frames,
}

/// How the command that was measured ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommandEnd {
    pub argv: Vec<String>,
    pub exit_code: Option<i32>,
    /// The signal that killed it.
    pub signal: Option<i32>,
    /// Whether it was still running when the measurement was to stop, and was told to end.
    pub stopped: bool,
}

impl CommandEnd {
    /// True unless it failed by itself.
    pub fn is_fine(&self) -> bool {
        self.stopped || self.exit_code == Some(0)
    }
}

impl Times {
    /// The percentiles of every quantity of a direction, and its bins where `histogram`.
    pub fn new(direction: &DirectionReport, percentiles: &[Percentile], histogram: bool) -> Self {
        let of = |spread: &Distribution| {
            let at = |p: &Percentile| (format!("p{}", p.text), spread.quantile(p.share));
            percentiles.iter().map(at).collect()
        };
        let quantities = quantities(direction);
        Self {
            from: direction.from.clone(),
            to: direction.to.clone(),
            percentiles_ns: quantities.iter().map(|(name, spread)| (*name, of(spread))).collect(),
            waits_ns: direction
                .stages
                .is_some()
                .then(|| Waits::of(direction).into_iter().map(|(name, .., waits)| (name, waits)).collect()),
            histogram: histogram
                .then(|| quantities.iter().map(|(name, spread)| (*name, spread.bins(1))).collect()),
        }
    }
}

/// The times of a direction by name.
pub fn quantities(direction: &DirectionReport) -> Vec<(&'static str, &Distribution)> {
    let mut all = vec![("delay", &direction.delay), ("variation", &direction.variation)];
    if let Some(probes) = &direction.probes {
        all.extend([("probe_delay", &probes.delay), ("probe_variation", &probes.variation)]);
    }
    all
}

impl LatencyReport {
    /// The one pair that was measured.
    pub fn pair(&self) -> Option<&PairReport> {
        self.report.pairs.first()
    }
}

/// Whole numbers without a fraction, as all other counts and times are written.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
fn number<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    maybe_number(&Some(*value), serializer)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::ref_option,
    reason = "never negative and below 2^53; serde hands references"
)]
fn maybe_number<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match *value {
        None => serializer.serialize_none(),
        Some(value) if value.fract() == 0.0 => serializer.serialize_u64(value as u64),
        Some(value) => serializer.serialize_f64(value),
    }
}
