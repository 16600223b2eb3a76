//! A direction as it is written down: what is not known is `null`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, Serializer};

use super::{
    DirectionReport, Distribution, DriverCounts, Dropped, Matching, ProbeReport, SeenAt, StageReport, Traffic,
};

#[derive(Serialize, Deserialize)]
pub(super) struct Told<'a> {
    from: Cow<'a, str>,
    to: Cow<'a, str>,
    matching: Option<Matching>,
    matched: Option<u64>,
    sent: Option<Traffic>,
    received: Option<Traffic>,
    dropped: Option<Cow<'a, [Dropped]>>,
    in_flight: Option<u64>,
    lost: Option<u64>,
    unexplained: Option<i64>,
    unmatched: Option<u64>,
    reordered: Option<u64>,
    duplicated: Option<u64>,
    delay: Option<Cow<'a, Distribution>>,
    clamped: Option<u64>,
    variation: Option<Cow<'a, Distribution>>,
    driver: Option<DriverCounts>,
    collection_loss: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probes: Option<Cow<'a, ProbeReport>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stages: Option<Cow<'a, StageReport>>,
}

impl Serialize for DirectionReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let whole = self.whole();
        Told {
            from: Cow::Borrowed(&self.from),
            to: Cow::Borrowed(&self.to),
            matching: whole.map(|whole| whole.matching),
            matched: whole.map(|whole| whole.matched),
            sent: self.departed().copied(),
            received: self.arrived().copied(),
            dropped: whole.map(|whole| Cow::Borrowed(whole.dropped.as_slice())),
            in_flight: whole.map(|whole| whole.in_flight),
            lost: whole.map(|whole| whole.lost),
            unexplained: whole.map(|whole| whole.unexplained),
            unmatched: whole.map(|whole| whole.unmatched),
            reordered: whole.map(|whole| whole.reordered),
            duplicated: whole.map(|whole| whole.duplicated),
            delay: whole.map(|whole| Cow::Borrowed(&whole.delay)),
            clamped: whole.map(|whole| whole.clamped),
            variation: whole.map(|whole| Cow::Borrowed(&whole.variation)),
            driver: self.driver,
            collection_loss: whole.map(|whole| whole.collection_loss),
            probes: self.probes.as_ref().map(Cow::Borrowed),
            stages: self.stages.as_ref().map(Cow::Borrowed),
        }
        .serialize(serializer)
    }
}

impl From<Told<'_>> for DirectionReport {
    fn from(told: Told<'_>) -> Self {
        Self {
            from: told.from.into_owned(),
            to: told.to.into_owned(),
            seen_at: match (&told.sent, &told.received) {
                (Some(_), None) => SeenAt::Departure,
                (None, Some(_)) => SeenAt::Arrival,
                _ => SeenAt::Both,
            },
            matching: told.matching.unwrap_or(Matching::Stamp),
            matched: told.matched.unwrap_or_default(),
            sent: told.sent.unwrap_or_default(),
            received: told.received.unwrap_or_default(),
            dropped: told.dropped.map(Cow::into_owned).unwrap_or_default(),
            in_flight: told.in_flight.unwrap_or_default(),
            lost: told.lost.unwrap_or_default(),
            unexplained: told.unexplained.unwrap_or_default(),
            unmatched: told.unmatched.unwrap_or_default(),
            reordered: told.reordered.unwrap_or_default(),
            duplicated: told.duplicated.unwrap_or_default(),
            delay: told.delay.map(Cow::into_owned).unwrap_or_default(),
            clamped: told.clamped.unwrap_or_default(),
            variation: told.variation.map(Cow::into_owned).unwrap_or_default(),
            driver: told.driver,
            collection_loss: told.collection_loss.unwrap_or_default(),
            probes: told.probes.map(Cow::into_owned),
            stages: told.stages.map(Cow::into_owned),
        }
    }
}
