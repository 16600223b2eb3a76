//! Two pairs that carry the same all the time, so that every rate is known beforehand.

use std::time::Instant;

use veth_observer::model::{
    report::{Distribution, PairReport},
    snapshot::{PairEvents, PairState, ProgramCost, Reload, RingState, Snapshot},
};

use super::fake;

/// Frames a second that each direction of each pair sends.
pub(super) const SENT: f64 = 10_000.0;

pub(super) fn growing() -> impl FnMut(u64) -> Snapshot + Send + 'static {
    let start = Instant::now();
    move |taken| at(taken, u64::try_from(start.elapsed().as_micros()).unwrap() / 100)
}

/// After so many frames in each direction. Of a thousand, 15 are dropped, 5 are lost and 980 arrive.
fn at(taken: u64, sent: u64) -> Snapshot {
    let mut snapshot = fake::snapshot(
        taken,
        ["web", "db"].into_iter().zip(1..).map(|(name, id)| (id, pair(name, sent))).collect(),
    );
    let agent = &mut snapshot.agent;
    agent.observed[1] = PairState { observed: [true, false], ..PairState::new(2) };
    agent.took_ns = 2_000_000;
    agent.pairs_over_limit = 4;
    agent.events = PairEvents { added: sent, removed: sent, moved: sent, renamed: sent };
    agent.attach_errors.insert("permission".into(), sent);
    agent.ring = RingState { samples: sent, lost: sent * 3 / 1000 };
    agent.programs = vec![ProgramCost { program: "vo_egress".into(), runs: sent, run_time_ns: sent * 50 }];
    agent.reload = Some(Reload { successful: true, last_success_unix_ns: 1 });
    snapshot
}

fn pair(name: &str, sent: u64) -> PairReport {
    let mut pair = fake::pair(name);
    for direction in &mut pair.directions {
        let [dropped, lost] = [15, 5].map(|share| sent * share / 1000);
        let received = sent - dropped - lost;
        direction.sent.frames = sent;
        direction.sent.bytes = sent * 100;
        direction.received.frames = received;
        direction.dropped[0].frames = dropped;
        direction.lost = lost;
        direction.in_flight = 1;
        direction.unexplained = 0;
        direction.unmatched = sent * 3 / 1000;
        direction.reordered = sent / 100;
        direction.duplicated = sent * 2 / 1000;
        direction.collection_loss = sent * 4 / 1000;
        direction.delay = nine_of_ten(1_000, 100_000, received);
        direction.variation = nine_of_ten(500, 5_000, received);
    }
    pair
}

/// Nine times this, once that, over and over.
fn nine_of_ten(most: u64, rest: u64, count: u64) -> Distribution {
    let mut distribution = fake::distribution(&[most, rest]);
    let rare = count / 10;
    for (bucket, times) in
        distribution.buckets.iter_mut().filter(|count| **count > 0).zip([count - rare, rare])
    {
        *bucket = times;
    }
    distribution.count = count;
    distribution.sum_ns = Some(most * (count - rare) + rest * rare);
    distribution
}
