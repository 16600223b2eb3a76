//! Snapshots of pairs that never were.

use std::sync::LazyLock;

use veth_observer::model::{
    drop::Stage,
    link::End,
    report::{DirectionReport, Distribution, Dropped, Hook, PairReport, Report, Traffic},
    snapshot::{AgentState, PairState, Snapshot},
};
use veth_observer_common::buckets;

/// One pair, `web`, whose numbers do not change.
pub(super) fn one(taken: u64) -> Snapshot {
    snapshot(taken, vec![(1, pair("web"))])
}

/// As many pairs as asked for.
pub(super) fn many(taken: u64, pairs: u64) -> Snapshot {
    snapshot(taken, (0..pairs).map(|id| (id, pair(&format!("pair-{id}")))).collect())
}

pub(super) fn snapshot(taken: u64, pairs: Vec<(u64, PairReport)>) -> Snapshot {
    let mut agent = AgentState::new(taken);
    agent.pairs = pairs.len() as u64;
    agent.observed = pairs.iter().map(|(id, _)| PairState::new(*id)).collect();
    Snapshot { report: Report::new(pairs.into_iter().map(|(_, pair)| pair).collect()), agent }
}

pub(super) fn pair(name: &str) -> PairReport {
    let end = |ifname: &str, ifindex| End {
        ifname: Some(ifname.into()),
        ifindex,
        operstate: Some("up".into()),
        ..End::default()
    };
    PairReport {
        pair: name.into(),
        started_ns: 0,
        elapsed_ns: 1_000_000_000,
        ended: None,
        limits: Vec::new(),
        hook: Hook::Tc,
        ends: [end("veth1a2b", 7), end("eth0", 2)],
        directions: [direction("veth1a2b", "eth0", 0), direction("eth0", "veth1a2b", 1_000_000)],
    }
}

/// Delays of a hundred thousand frames, from 700 ns to 13 ms and a few of seconds.
pub(super) fn delays() -> Vec<u64> {
    let mut x = 88_172_645_463_325_252_u64;
    let mut delays: Vec<u64> = (0..100_000)
        .map(|_| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            // Octaves are equally frequent.
            700 + (x >> 20) % (1 << (7 + x % 18))
        })
        .collect();
    delays.extend([0, 59, 2_000_000_000]);
    delays
}

pub(super) fn distribution(times: &[u64]) -> Distribution {
    let mut counts = vec![0; buckets::COUNT];
    for &time in times {
        counts[buckets::index(time)] += 1;
    }
    let sum: u64 = times.iter().sum();
    Distribution {
        count: times.len() as u64,
        min_ns: times.iter().min().copied(),
        mean_ns: Some(sum / times.len() as u64),
        sum_ns: Some(sum),
        max_ns: times.iter().max().copied(),
        buckets: counts,
        ..Distribution::default()
    }
}

static DELAY: LazyLock<Distribution> = LazyLock::new(|| distribution(&delays()));

fn direction(from: &str, to: &str, base: u64) -> DirectionReport {
    let traffic =
        |skbs, frames, bytes| Traffic { skbs: base + skbs, frames: base + frames, bytes: base + bytes };
    DirectionReport {
        matched: base + 99,
        sent: traffic(27, 697, 9_007_199_254_740_000),
        received: traffic(26, 690, 1_000_000),
        dropped: vec![Dropped {
            stage: Stage::Qdisc,
            reason: Some("QDISC_DROP".into()),
            location: "__dev_queue_xmit".into(),
            frames: 5,
        }],
        in_flight: 1,
        lost: 1,
        unexplained: -1,
        unmatched: 3,
        reordered: 2,
        duplicated: 4,
        delay: DELAY.clone(),
        variation: distribution(&[0, 100, 5000]),
        ..DirectionReport::new(from, to)
    }
}
