//! What became of probe frames, as a report gives it.

use veth_observer_common::probes::Probes;

use super::quantiles;
use crate::model::report::ProbeReport;

/// `closed` says that no more can arrive in time.
pub(super) fn report(probes: &Probes, closed: bool) -> ProbeReport {
    // Read while it counts, an arrival may show before its departure.
    let missing = probes.sent.saturating_sub(probes.received);
    ProbeReport {
        sent: probes.sent,
        received: probes.received,
        in_flight: if closed { 0 } else { missing },
        lost: if closed { missing } else { 0 },
        reordered: probes.reordered,
        duplicated: probes.duplicated,
        untimed: probes.untimed,
        delay: quantiles::variation(&probes.delay),
        variation: quantiles::variation(&probes.variation),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_lost_once_nothing_more_can_arrive() {
        let probes = Probes { sent: 10, received: 7, ..Probes::ZERO };
        let [open, closed] = [false, true].map(|closed| report(&probes, closed));
        assert_eq!((open.in_flight, open.lost), (3, 0));
        assert_eq!((closed.in_flight, closed.lost), (0, 3));
    }
}
