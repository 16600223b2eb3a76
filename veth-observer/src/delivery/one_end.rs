//! What one end alone tells of a direction: what leaves it, or what arrives at it.

use super::quantiles;
use crate::model::{
    reading::Reading,
    report::{DirectionReport, Matching, SeenAt, Traffic},
};

/// The direction as it is seen there: no frame carries a stamp, and all that arrive count as unmatched.
pub fn of_one_end(reading: &Reading, seen_at: SeenAt, from: &str, to: &str) -> DirectionReport {
    let (sent, received) = (&reading.sent, &reading.received);
    DirectionReport {
        from: from.to_owned(),
        to: to.to_owned(),
        seen_at,
        matching: Matching::Stamp,
        matched: 0,
        sent: Traffic { skbs: sent.skbs, frames: sent.frames, bytes: sent.bytes },
        received: Traffic {
            skbs: received.unmatched_skbs,
            frames: received.unmatched,
            bytes: received.unmatched_bytes,
        },
        dropped: Vec::new(),
        in_flight: 0,
        lost: 0,
        unexplained: 0,
        unmatched: 0,
        reordered: 0,
        duplicated: 0,
        delay: quantiles::delays(received),
        clamped: 0,
        variation: quantiles::variation(&received.variation),
        driver: reading.driver,
        collection_loss: 0,
        probes: None,
        stages: None,
    }
}
