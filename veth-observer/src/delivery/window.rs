//! What happened between two reports of one observation.

use crate::model::report::{DirectionReport, Distribution, Dropped, PairReport, Traffic};

/// The part of `after` that came after `before`, as a report of its own.
///
/// Frames that had left before are not its own: they are neither sent nor received in it. Those that were under way are
/// taken to be the first to arrive, and as only their number is known, their buffers, bytes and delays remain; `limits` says of
/// how many. The least and the largest time are known only where they are those of the whole observation.
pub fn between(before: &PairReport, after: &PairReport) -> PairReport {
    let [a, b] = [0, 1].map(|way| direction(&before.directions[way], &after.directions[way]));
    let mut limits = after.limits.clone();
    limits.extend([&a, &b].into_iter().filter_map(|(direction, earlier)| {
        let (from, to) = (&direction.from, &direction.to);
        (*earlier > 0).then(|| {
            format!(
                "{from} > {to}: {earlier} frames that had left before the beginning arrived since then; they are not \
                 among the received, but in their buffers, bytes and delays"
            )
        })
    }));
    PairReport {
        pair: after.pair.clone(),
        started_ns: before.started_ns.saturating_add(before.elapsed_ns),
        elapsed_ns: after.elapsed_ns.saturating_sub(before.elapsed_ns),
        ended: after.ended.clone(),
        limits,
        hook: after.hook,
        ends: after.ends.clone(),
        directions: [a.0, b.0],
    }
}

/// The direction, and how many of its arrivals had left before.
fn direction(before: &DirectionReport, after: &DirectionReport) -> (DirectionReport, u64) {
    let grown = |of: fn(&DirectionReport) -> u64| of(after).saturating_sub(of(before));
    let sent = traffic(before.sent, after.sent);
    let arrived = traffic(before.received, after.received);
    let dropped = dropped(&before.dropped, &after.dropped);
    let lost = grown(|it| it.lost);
    // What had been lost takes itself off again when it arrives after all.
    let late = before.lost.saturating_sub(after.lost).min(arrived.frames);
    let landed = before.in_flight.min(arrived.frames - late);
    let still_under_way = (before.in_flight - landed).min(after.in_flight);
    let in_flight = after.in_flight - still_under_way;
    let received = Traffic { frames: arrived.frames - late - landed, ..arrived };
    let fates = [received.frames, dropped.iter().map(|place| place.frames).sum(), lost, in_flight];
    let report = DirectionReport {
        from: after.from.clone(),
        to: after.to.clone(),
        seen_at: after.seen_at,
        matching: after.matching,
        matched: grown(|it| it.matched).saturating_sub(late + landed),
        sent,
        received,
        dropped,
        in_flight,
        lost,
        // Where one end alone tells, there is no balance.
        unexplained: after
            .whole()
            .map_or(0, |_| fates.into_iter().fold(sent.frames, u64::wrapping_sub).cast_signed()),
        unmatched: grown(|it| it.unmatched),
        reordered: grown(|it| it.reordered),
        duplicated: grown(|it| it.duplicated),
        delay: spread(&before.delay, &after.delay),
        clamped: grown(|it| it.clamped),
        variation: spread(&before.variation, &after.variation),
        driver: after.driver.map(|counts| counts.since(before.driver.unwrap_or_default())),
        collection_loss: grown(|it| it.collection_loss),
        probes: None,
        stages: None,
    };
    (report, late + landed)
}

fn traffic(before: Traffic, after: Traffic) -> Traffic {
    Traffic {
        skbs: after.skbs.saturating_sub(before.skbs),
        frames: after.frames.saturating_sub(before.frames),
        bytes: after.bytes.saturating_sub(before.bytes),
    }
}

fn dropped(before: &[Dropped], after: &[Dropped]) -> Vec<Dropped> {
    let earlier = |place: &Dropped| {
        let same = |it: &&Dropped| {
            (it.stage, &it.reason, &it.location) == (place.stage, &place.reason, &place.location)
        };
        before.iter().find(same).map_or(0, |it| it.frames)
    };
    let since =
        |place: &Dropped| Dropped { frames: place.frames.saturating_sub(earlier(place)), ..place.clone() };
    after.iter().map(since).filter(|place| place.frames > 0).collect()
}

fn spread(before: &Distribution, after: &Distribution) -> Distribution {
    let count = after.count.saturating_sub(before.count);
    if count == 0 {
        return Distribution::default();
    }
    let sum = after.sum_ns.unwrap_or(0).saturating_sub(before.sum_ns.unwrap_or(0));
    let earlier = before.buckets.iter().copied().chain(std::iter::repeat(0));
    let mut spread = Distribution {
        count,
        min_ns: after.min_ns.filter(|min| before.min_ns.is_none_or(|earlier| *min < earlier)),
        mean_ns: Some(sum / count),
        sum_ns: Some(sum),
        max_ns: after.max_ns.filter(|max| before.max_ns.is_none_or(|earlier| *max > earlier)),
        buckets: after.buckets.iter().zip(earlier).map(|(now, then)| now.saturating_sub(then)).collect(),
        ..Distribution::default()
    };
    if count == 1 {
        (spread.min_ns, spread.max_ns) = (Some(sum), Some(sum));
    }
    spread.with_percentiles()
}

#[cfg(test)]
mod tests;
