//! What one end alone tells of a direction: what leaves it, or what arrives at it.

use crate::model::{
    reading::Reading,
    report::{DirectionReport, SeenAt, Traffic},
};

/// The direction as it is seen there: no frame carries a stamp, and all that arrive count as unmatched.
pub fn of_one_end(reading: &Reading, seen_at: SeenAt, from: &str, to: &str) -> DirectionReport {
    let (sent, received) = (&reading.sent, &reading.received);
    DirectionReport {
        seen_at,
        sent: Traffic { skbs: sent.skbs, frames: sent.frames, bytes: sent.bytes },
        received: Traffic {
            skbs: received.unmatched_skbs,
            frames: received.unmatched,
            bytes: received.unmatched_bytes,
        },
        driver: reading.driver,
        ..DirectionReport::new(from, to)
    }
}
