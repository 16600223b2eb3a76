//! What an agent gives to programs that go on computing with it: written by the server, read by the client.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use veth_observer_common::buckets;

use super::{
    SCHEMA,
    report::{DirectionReport, Distribution, PairReport},
    snapshot::{AgentState, PairState, Snapshot},
};

/// Where programs of this machine find the agent, without being root.
pub const SOCKET: &str = "/run/veth-observer/agent.sock";

/// The path of the report. With `buckets=1` it is a [`Published`], with `id=N` it has the pair of that observation only.
pub const REPORT: &str = "/api/v1/report";

/// The report of an agent with all that it knows of the times, and what it says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Published<'a> {
    pub schema: u32,
    pub pairs: Vec<Known<'a>>,
    pub agent: Cow<'a, AgentState>,
}

/// A pair that can be told from others, also where an old and a new one have the same name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known<'a> {
    /// Of its observation.
    pub id: u64,
    /// When that began, in nanoseconds of CLOCK_MONOTONIC.
    pub started_ns: u64,
    #[serde(flatten)]
    pub report: Cow<'a, PairReport>,
    /// Of each direction.
    pub buckets: [Filled; 2],
}

/// What the buckets of the grid hold that are not empty: number and count of each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filled {
    delay: Vec<(usize, u64)>,
    variation: Vec<(usize, u64)>,
}

impl<'a> Published<'a> {
    /// Of all pairs, or of the one with this id.
    pub fn of(snapshot: &'a Snapshot, id: Option<u64>) -> Self {
        let is_wanted = |state: &PairState| id.is_none_or(|id| id == state.id);
        let pairs = snapshot.pairs().filter(|(_, state)| is_wanted(state));
        let pairs = pairs.map(|(report, state)| Known {
            id: state.id,
            started_ns: report.started_ns,
            report: Cow::Borrowed(report),
            buckets: report.directions.each_ref().map(Filled::of),
        });
        Self { schema: SCHEMA, pairs: pairs.collect(), agent: Cow::Borrowed(&snapshot.agent) }
    }
}

impl Known<'_> {
    /// The report as the agent has it; none where buckets are named that there are not.
    pub fn whole(self) -> Option<PairReport> {
        let mut report = PairReport { started_ns: self.started_ns, ..self.report.into_owned() };
        for (direction, filled) in report.directions.iter_mut().zip(&self.buckets) {
            fill(&mut direction.delay, &filled.delay)?;
            fill(&mut direction.variation, &filled.variation)?;
        }
        Some(report)
    }
}

impl Filled {
    fn of(direction: &DirectionReport) -> Self {
        Self { delay: filled(&direction.delay), variation: filled(&direction.variation) }
    }
}

fn filled(spread: &Distribution) -> Vec<(usize, u64)> {
    spread.buckets.iter().copied().enumerate().filter(|(_, count)| *count > 0).collect()
}

fn fill(spread: &mut Distribution, filled: &[(usize, u64)]) -> Option<()> {
    if !filled.is_empty() {
        spread.buckets = vec![0; buckets::COUNT];
    }
    for (number, count) in filled {
        *spread.buckets.get_mut(*number)? = *count;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        driver::DriverCounts,
        drop::Stage,
        link::{End, Netns, Owner},
        report::{Dropped, Hook, Matching, ProbeReport, Report, SeenAt, StageReport, Traffic},
        snapshot::{PairEvents, ProgramCost, PushState, Reload, RingState},
    };

    fn spread(base: u64) -> Distribution {
        let mut counts = vec![0; buckets::COUNT];
        (counts[0], counts[40], counts[buckets::COUNT - 1]) = (1, base, 2);
        Distribution {
            count: base + 3,
            min_ns: Some(base),
            mean_ns: Some(base + 1),
            sum_ns: Some(u64::MAX),
            p50_ns: Some(base + 2),
            p90_ns: Some(base + 3),
            p99_ns: Some(base + 4),
            p999_ns: Some(base + 5),
            max_ns: Some(base + 6),
            buckets: counts,
        }
    }

    /// No two fields of a kind are the same, and none is what it would be if it had been forgotten.
    fn direction(base: u64) -> DirectionReport {
        let traffic = |at| Traffic { skbs: base + at, frames: base + at + 1, bytes: base + at + 2 };
        let plain = |spread: Distribution| Distribution { buckets: Vec::new(), ..spread };
        let stages =
            |at| StageReport { to_device: plain(spread(base + at)), to_stack: plain(spread(base + at + 1)) };
        let death = |reason: Option<&str>| Dropped {
            stage: Stage::IngressProgram,
            reason: reason.map(str::to_owned),
            location: "tcf_classify [x]".into(),
            frames: base + 7,
        };
        DirectionReport {
            from: format!("a{base}"),
            to: "b\n\u{1b}".into(),
            seen_at: SeenAt::Both,
            matching: Matching::Digest,
            matched: base + 8,
            sent: traffic(10),
            received: traffic(20),
            dropped: vec![death(Some("TC_INGRESS")), death(None)],
            in_flight: base + 30,
            lost: base + 31,
            unexplained: i64::MIN,
            unmatched: base + 32,
            reordered: base + 33,
            duplicated: base + 34,
            delay: spread(base + 40),
            clamped: base + 35,
            variation: spread(base + 50),
            driver: Some(DriverCounts {
                xdp_drops: 1,
                xdp_tx: 2,
                xdp_tx_errors: 3,
                xdp_redirect: 4,
                drops: 5,
            }),
            collection_loss: base + 36,
            probes: Some(ProbeReport {
                sent: base + 60,
                received: base + 61,
                in_flight: base + 62,
                lost: base + 63,
                reordered: base + 64,
                duplicated: base + 65,
                untimed: base + 66,
                delay: plain(spread(base + 70)),
                variation: plain(spread(base + 80)),
                stages: Some(stages(90)),
            }),
            stages: Some(stages(100)),
        }
    }

    fn snapshot() -> Snapshot {
        let owner = Owner {
            runtime: Some("docker".into()),
            id: Some("3f9c".into()),
            name: Some("web".into()),
            pod: Some("db-0".into()),
            namespace: Some("shop".into()),
            pid: Some(7),
            image: Some("nginx:1".into()),
            containers: vec!["side".into(), "web".into()],
        };
        let end = |ifindex: u32| End {
            ifname: Some(format!("v{ifindex}")),
            ifindex,
            netns: Netns { cookie: Some(u64::MAX), inode: Some(2), name: Some("blue".into()) },
            mac: Some("02:00:00:00:00:01".into()),
            mtu: Some(1500),
            operstate: Some("lowerlayerdown".into()),
            owner: Some(owner.clone()),
        };
        let pair = |hook: Hook, ended: Option<&str>| PairReport {
            pair: "web".into(),
            started_ns: 30,
            elapsed_ns: u64::MAX - 1,
            ended: ended.map(str::to_owned),
            limits: vec!["one".into(), "another".into()],
            hook,
            ends: [end(3), end(4)],
            directions: [direction(1000), direction(2000)],
        };
        let agent = AgentState {
            taken_unix_ns: 17,
            took_ns: 2,
            started_ns: 3,
            loss_timeout_ns: 4,
            ready: Err("looking".into()),
            pairs: 5,
            pairs_over_limit: 6,
            events: PairEvents { added: 7, removed: 8, moved: 9, renamed: 10 },
            attach_errors: [("gone".to_owned(), 11)].into(),
            observed: vec![PairState::new(21), PairState::new(22)],
            ring: RingState { samples: 12, lost: 13 },
            programs: vec![ProgramCost { program: "arrival".into(), runs: 14, run_time_ns: 15 }],
            reload: Some(Reload { successful: true, last_success_unix_ns: 16 }),
            push: Some(PushState { delivered: 18, failed: 19, rejected_points: 20 }),
            ..AgentState::new(1)
        };
        let pairs = vec![pair(Hook::XdpNative, Some("it went")), pair(Hook::XdpGeneric, None)];
        Snapshot { report: Report::new(pairs), agent }
    }

    fn read_back(published: &Published<'_>) -> Published<'static> {
        serde_json::from_str(&serde_json::to_string(published).unwrap()).unwrap()
    }

    #[test]
    fn every_field_of_a_report_survives_the_way() {
        let snapshot = snapshot();
        let read = read_back(&Published::of(&snapshot, None));
        let agent = AgentState { observed: Vec::new(), ..snapshot.agent.clone() };
        assert_eq!(*read.agent, agent);
        let ids: Vec<u64> = read.pairs.iter().map(|pair| pair.id).collect();
        assert_eq!(ids, [21, 22]);
        let pairs: Option<Vec<PairReport>> = read.pairs.into_iter().map(Known::whole).collect();
        assert_eq!(pairs, Some(snapshot.report.pairs));
    }

    #[test]
    fn what_is_not_there_stays_away() {
        let mut snapshot = snapshot();
        snapshot.agent = AgentState { observed: snapshot.agent.observed, ..AgentState::new(1) };
        let nothing = Distribution::default;
        for pair in &mut snapshot.report.pairs {
            pair.ends = [End::default(), End { ifindex: 7, ..End::default() }];
            for direction in &mut pair.directions {
                (direction.driver, direction.probes, direction.stages) = (None, None, None);
                (direction.delay, direction.variation) = (nothing(), nothing());
                direction.dropped = Vec::new();
            }
        }
        let read = read_back(&Published::of(&snapshot, Some(22)));
        assert_eq!(read.agent.ready, Ok(()));
        let [pair] = <[Known; 1]>::try_from(read.pairs).unwrap();
        assert_eq!((pair.id, pair.whole()), (22, Some(snapshot.report.pairs[1].clone())));
    }

    #[test]
    fn a_bucket_that_there_is_not_is_no_report() {
        let snapshot = snapshot();
        let mut read = read_back(&Published::of(&snapshot, Some(21)));
        read.pairs[0].buckets[1].variation.push((buckets::COUNT, 1));
        assert_eq!(read.pairs.remove(0).whole(), None);
        assert!(Published::of(&snapshot, Some(23)).pairs.is_empty());
    }
}
