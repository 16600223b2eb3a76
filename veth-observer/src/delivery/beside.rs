//! What is counted beside the ledger, as a report gives it.

use veth_observer_common::{probes::Probes, stages::Stages};

use super::quantiles;
use crate::model::report::{ProbeReport, StageReport};

/// `closed` says that no more can arrive in time.
pub(super) fn report(probes: &Probes, stages: Option<&Stages>, closed: bool) -> ProbeReport {
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
        stages: stages.map(self::stages),
    }
}

pub(super) fn stages(stages: &Stages) -> StageReport {
    StageReport {
        to_device: quantiles::variation(&stages.to_device),
        to_stack: quantiles::variation(&stages.to_stack),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_lost_once_nothing_more_can_arrive() {
        let probes = Probes { sent: 10, received: 7, ..Probes::ZERO };
        let [open, closed] = [false, true].map(|closed| report(&probes, None, closed));
        assert_eq!((open.in_flight, open.lost), (3, 0));
        assert_eq!((closed.in_flight, closed.lost), (0, 3));
    }
}
