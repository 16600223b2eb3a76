use super::*;
use crate::{
    delivery::Delays,
    model::{drop::Stage, link::End, report::Hook},
};

/// What one direction came to: sent, received, dropped, lost, in flight, and the delays of what was received.
fn ledger([sent, received, dropped, lost, in_flight]: [u64; 5], delays: &[u64]) -> DirectionReport {
    let of = |frames| Traffic { skbs: frames, frames, bytes: 100 * frames };
    let mut times = Delays::default();
    for ns in delays {
        times.add(*ns);
    }
    let place = Dropped { stage: Stage::Qdisc, reason: None, location: "f".into(), frames: dropped };
    DirectionReport {
        matched: received,
        sent: of(sent),
        received: of(received),
        dropped: if dropped > 0 { vec![place] } else { Vec::new() },
        in_flight,
        lost,
        delay: times.summary(),
        ..DirectionReport::new("a", "b")
    }
}

fn pair(elapsed_ns: u64, direction: DirectionReport) -> PairReport {
    PairReport {
        pair: "p".into(),
        started_ns: 500,
        elapsed_ns,
        ended: None,
        limits: Vec::new(),
        hook: Hook::Tc,
        ends: [End::default(), End::default()],
        directions: [direction, ledger([0; 5], &[])],
    }
}

fn window(before: DirectionReport, after: DirectionReport) -> PairReport {
    between(&pair(1000, before), &pair(4000, after))
}

fn fates(direction: &DirectionReport) -> [u64; 5] {
    assert_eq!(direction.unexplained, 0, "{direction:#?}");
    let (sent, received) = (direction.sent.frames, direction.received.frames);
    [sent, received, direction.dropped_frames(), direction.lost, direction.in_flight]
}

#[test]
fn a_window_is_the_difference() {
    let delays = [500, 700, 9000, 600, 650, 20_000];
    let report = window(ledger([5, 3, 1, 1, 0], &delays[..3]), ledger([12, 6, 3, 2, 1], &delays));
    assert_eq!((report.started_ns, report.elapsed_ns, report.limits.len()), (1500, 3000, 0));
    let [out, back] = &report.directions;
    assert_eq!(fates(out), [7, 3, 2, 1, 1]);
    assert_eq!((out.received.bytes, out.dropped[0].frames), (300, 2));
    // 600, 650 and 20,000: the largest is one of the whole time, the least is not.
    assert_eq!((out.delay.count, out.delay.sum_ns), (3, Some(21_250)));
    assert_eq!((out.delay.min_ns, out.delay.max_ns), (None, Some(20_000)));
    let mut own = Delays::default();
    for ns in &delays[3..] {
        own.add(*ns);
    }
    assert_eq!((&out.delay.buckets, out.delay.p50_ns), (&own.summary().buckets, own.summary().p50_ns));
    assert_eq!((fates(back), &back.delay), ([0; 5], &Distribution::default()));
}

#[test]
fn of_nothing_before_it_is_the_whole() {
    let whole = ledger([12, 6, 3, 2, 1], &[3, 1000]);
    let report = window(ledger([0; 5], &[]), whole.clone());
    assert_eq!(report.directions[0], whole);
    let nothing = window(whole.clone(), whole);
    assert_eq!((fates(&nothing.directions[0]), nothing.directions[0].dropped.len()), ([0; 5], 0));
}

#[test]
fn of_one_time_its_sum_is_the_least_and_the_largest() {
    let report = window(ledger([2, 2, 0, 0, 0], &[10, 9000]), ledger([3, 3, 0, 0, 0], &[10, 9000, 70]));
    let delay = &report.directions[0].delay;
    assert_eq!((delay.min_ns, delay.p50_ns, delay.max_ns), (Some(70), Some(70), Some(70)));
}

#[test]
fn frames_under_way_at_the_beginning_are_not_ours_wherever_they_end() {
    for (after, ours, earlier) in [
        // Ten arrived, of which four had left before.
        ([106, 106, 0, 0, 0], [6, 6, 0, 0, 0], Some(4)),
        // They are under way yet, behind each other as they left.
        ([106, 97, 0, 0, 9], [6, 0, 0, 0, 6], Some(1)),
        ([106, 96, 0, 0, 10], [6, 0, 0, 0, 6], None),
        // Of ours three died.
        ([106, 103, 3, 0, 0], [6, 3, 3, 0, 0], Some(4)),
        ([106, 103, 0, 2, 1], [6, 3, 0, 2, 1], Some(4)),
    ] {
        let report = window(ledger([100, 96, 0, 0, 4], &[]), ledger(after, &[]));
        assert_eq!(fates(&report.directions[0]), ours, "{after:?}");
        let said = report.limits.iter().find(|said| said.starts_with("a > b: "));
        assert_eq!(said.map(|said| said.split(' ').nth(3).unwrap().parse().unwrap()), earlier, "{said:?}");
    }
}

#[test]
fn what_had_been_lost_and_comes_late_is_not_ours() {
    let report = window(ledger([100, 90, 0, 10, 0], &[]), ledger([105, 98, 0, 7, 0], &[]));
    assert_eq!(fates(&report.directions[0]), [5, 5, 0, 0, 0]);
    assert_eq!(report.limits.len(), 1);
}

#[test]
fn nothing_is_ever_negative() {
    let report = window(ledger([100, 90, 5, 3, 2], &[1, 2, 3]), ledger([10, 9, 0, 0, 1], &[1]));
    let [out, _] = &report.directions;
    assert_eq!((out.sent.frames, out.received.frames, out.lost, out.delay.count), (0, 0, 0, 0));
    assert_eq!(between(&pair(4000, out.clone()), &pair(1000, out.clone())).elapsed_ns, 0);
}
