//! What was measured, held against what was asked for.

use crate::{
    model::{
        latency::{Judgement, Unit, Verdict},
        report::{DirectionReport, Distribution, Matching, ProbeReport},
    },
    view::{self, Style},
};

use super::flags::{MaxDelay, Quantity};

/// Limits that a measurement must not exceed, in either direction.
#[derive(Debug, Default)]
pub(super) struct Thresholds {
    pub(super) delay: Vec<MaxDelay>,
    /// Of what was sent.
    pub(super) loss: Option<f64>,
    /// Frames.
    pub(super) reordered: Option<u64>,
}

/// What is judged in one direction: its traffic, or its probes.
struct Subject<'a> {
    from: &'a str,
    to: &'a str,
    /// Sent, or what is known to have passed.
    sent: u64,
    /// Sent, and neither received nor on the way; none where only one end tells.
    missing: Option<u64>,
    /// None where order is not told.
    reordered: Option<u64>,
    delay: &'a Distribution,
    /// Why it is not known how many are missing.
    doubt: Option<String>,
}

struct Limit<'a> {
    name: String,
    unit: Unit,
    bound: f64,
    measure: Measure<'a>,
}

type Measure<'a> = Box<dyn Fn(&Subject) -> Option<f64> + 'a>;

impl Thresholds {
    /// Each threshold in each direction that something was sent in; where nothing was sent in either, each once, not met.
    pub(super) fn judge(&self, directions: &[DirectionReport]) -> Vec<Judgement> {
        let subjects: Vec<Subject> =
            directions.iter().map(subject).filter(|subject| subject.sent > 0).collect();
        let mut judgements = Vec::new();
        for limit in self.limits() {
            if subjects.is_empty() {
                judgements.push(limit.judge(None));
            }
            judgements.extend(subjects.iter().map(|subject| limit.judge(Some(subject))));
        }
        judgements
    }

    fn limits(&self) -> Vec<Limit<'_>> {
        let mut limits: Vec<Limit> = self.delay.iter().map(of_delay).collect();
        limits.extend(self.loss.map(|limit| Limit {
            name: "loss".into(),
            unit: Unit::Ratio,
            bound: limit,
            measure: Box::new(|subject| Some(as_f64(subject.missing?) / as_f64(subject.sent))),
        }));
        limits.extend(self.reordered.map(|limit| Limit {
            name: "reordered".into(),
            unit: Unit::Frames,
            bound: as_f64(limit),
            measure: Box::new(|subject| subject.reordered.map(as_f64)),
        }));
        limits
    }
}

impl Limit<'_> {
    fn judge(&self, subject: Option<&Subject>) -> Judgement {
        let measured = subject.and_then(|subject| (self.measure)(subject));
        // A ratio is one of the ledger.
        let doubt = subject.filter(|_| self.unit == Unit::Ratio).and_then(|subject| subject.doubt.clone());
        Judgement {
            quantity: self.name.clone(),
            unit: self.unit,
            from: subject.map(|subject| subject.from.to_owned()),
            to: subject.map(|subject| subject.to.to_owned()),
            limit: self.bound,
            measured,
            met: doubt.is_none() && measured.is_some_and(|measured| measured <= self.bound),
            doubt,
        }
    }
}

fn of_delay(threshold: &MaxDelay) -> Limit<'_> {
    let name = match &threshold.quantity {
        Quantity::Min => "min".to_owned(),
        Quantity::Mean => "mean".to_owned(),
        Quantity::Max => "max".to_owned(),
        Quantity::Percentile(percentile) => format!("p{}", percentile.text),
    };
    let value = |delay: &Distribution| match &threshold.quantity {
        Quantity::Min => delay.min_ns,
        Quantity::Mean => delay.mean_ns,
        Quantity::Max => delay.max_ns,
        Quantity::Percentile(percentile) => delay.quantile(percentile.share),
    };
    Limit {
        name: format!("delay {name}"),
        unit: Unit::Ns,
        bound: as_f64(u64::try_from(threshold.limit.as_nanos()).unwrap_or(u64::MAX)),
        measure: Box::new(move |subject| value(subject.delay).map(as_f64)),
    }
}

/// The probes of a direction where there are any, else its traffic.
fn subject(direction: &DirectionReport) -> Subject<'_> {
    let (from, to) = (direction.from.as_str(), direction.to.as_str());
    match &direction.probes {
        Some(probes) => Subject {
            from,
            to,
            sent: probes.sent,
            missing: Some(probes.lost),
            reordered: Some(probes.reordered),
            delay: &probes.delay,
            doubt: doubt_of_probes(probes),
        },
        None => Subject {
            from,
            to,
            sent: passed(direction),
            missing: direction.missing(),
            reordered: direction
                .whole()
                .filter(|whole| whole.matching != Matching::Digest)
                .map(|whole| whole.reordered),
            delay: &direction.delay,
            doubt: doubt(direction),
        },
    }
}

/// Frames that left; where the other end alone tells, those that arrived.
fn passed(direction: &DirectionReport) -> u64 {
    direction.departed().or(direction.arrived()).map_or(0, |traffic| traffic.frames)
}

fn doubt(direction: &DirectionReport) -> Option<String> {
    if direction.whole().is_none() {
        return Some("only one end is observed".to_owned());
    }
    if direction.unexplained != 0 {
        let frames = direction.unexplained;
        return Some(format!("the ledger does not close, {frames} frames are unexplained"));
    }
    if direction.collection_loss != 0 {
        return Some(format!("the observer itself lost {} records", direction.collection_loss));
    }
    under_way(direction.in_flight)
}

/// Probes have a ledger of their own, which closes by what it is made of.
fn doubt_of_probes(probes: &ProbeReport) -> Option<String> {
    under_way(probes.in_flight)
}

fn under_way(in_flight: u64) -> Option<String> {
    (in_flight != 0).then(|| format!("{in_flight} frames were still under way at the end"))
}

/// None when nothing was asked for.
pub(super) fn verdict(judgements: &[Judgement]) -> Option<Verdict> {
    if judgements.is_empty() {
        return None;
    }
    Some(if judgements.iter().all(|judgement| judgement.met) { Verdict::Pass } else { Verdict::Fail })
}

/// One sentence for all that failed, each with what was measured.
pub(super) fn sentence(judgements: &[Judgement], style: Style) -> String {
    let failed: Vec<String> = judgements
        .iter()
        .filter(|judgement| !judgement.met)
        .map(|judgement| view::latency::breach(judgement, style))
        .collect();
    format!("threshold not met: {}", failed.join("; "))
}

#[expect(clippy::cast_precision_loss, reason = "neither frames nor nanoseconds come near 2^53")]
fn as_f64(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::report::{SeenAt, Traffic};

    fn direction() -> DirectionReport {
        let hundred = Traffic { skbs: 100, frames: 100, bytes: 6000 };
        DirectionReport { matched: 100, sent: hundred, received: hundred, ..DirectionReport::new("a", "b") }
    }

    /// Whether a loss of at most 50 % is met, and what is said.
    fn loss(direction: DirectionReport) -> (bool, String) {
        let thresholds = Thresholds { loss: Some(0.5), ..Thresholds::default() };
        let judgements = thresholds.judge(&[direction]);
        (judgements[0].met, sentence(&judgements, Style { unicode: true }))
    }

    #[test]
    fn a_loss_that_is_not_known_is_not_within_its_limit() {
        assert!(loss(direction()).0);
        for (doubtful, why) in [
            (DirectionReport { unexplained: -7, ..direction() }, "does not close, -7 frames"),
            (DirectionReport { collection_loss: 3, ..direction() }, "lost 3 records"),
            (DirectionReport { in_flight: 2, ..direction() }, "2 frames were still under way"),
        ] {
            let (met, said) = loss(doubtful);
            assert!(!met && said.contains(why), "{said}");
        }
    }

    #[test]
    fn an_order_that_is_not_told_is_not_within_its_limit() {
        let thresholds = Thresholds { reordered: Some(5), ..Thresholds::default() };
        let of = |matching| {
            let judgements = thresholds.judge(&[DirectionReport { matching, ..direction() }]);
            (judgements[0].measured, judgements[0].met)
        };
        assert_eq!(of(Matching::Stamp), (Some(0.0), true));
        assert_eq!(of(Matching::Digest), (None, false));
    }

    #[test]
    fn what_one_end_does_not_tell_is_not_within_a_limit() {
        let thresholds = Thresholds { loss: Some(1.0), reordered: Some(100), ..Thresholds::default() };
        for seen_at in [SeenAt::Departure, SeenAt::Arrival] {
            let judgements = thresholds.judge(&[DirectionReport { seen_at, ..direction() }]);
            assert!(judgements.iter().all(|judgement| judgement.measured.is_none() && !judgement.met));
            assert_eq!(judgements[0].doubt.as_deref(), Some("only one end is observed"));
        }
    }
}
