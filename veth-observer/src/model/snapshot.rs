//! What an agent knows at one moment: the report of all its pairs, and what it says of itself.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use veth_observer_common::drops::Told;

use super::{
    drop::LastDrops,
    report::{PairReport, Report},
};

/// One moment of an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Of all observed pairs. In each, the first end is the one in the agent's own namespace, and of two there the one of the
    /// lower index: `to_peer` is the direction away from it.
    ///
    /// A pair that ended stays in it, marked by [`PairReport::ended`], for some minutes, so that each exporter can serve it
    /// once more.
    pub report: Report,
    pub agent: AgentState,
}

impl Snapshot {
    /// A pair and the last frames of it that died, by direction; none where that is not told, and where no observation has this
    /// id.
    pub fn last_drops(&self, id: u64) -> Option<(&PairReport, &[LastDrops; 2])> {
        let at = self.agent.observed.iter().position(|state| state.id == id)?;
        Some((self.report.pairs.get(at)?, self.agent.last_drops.get(at)?))
    }

    /// Each pair with its state.
    pub fn pairs(&self) -> impl Iterator<Item = (&PairReport, &PairState)> {
        self.report.pairs.iter().zip(&self.agent.observed)
    }
}

/// What an agent says of itself. Counts are since its start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentState {
    /// When it was taken, of CLOCK_MONOTONIC: a later snapshot has a larger one.
    pub taken_ns: u64,
    /// The same moment in nanoseconds since the Unix epoch.
    pub taken_unix_ns: u64,
    /// How long it took.
    pub took_ns: u64,
    /// When the agent began, of CLOCK_MONOTONIC: another one began at another time.
    pub started_ns: u64,
    /// A frame that takes longer is lost.
    pub loss_timeout_ns: u64,
    #[serde(serialize_with = "readiness", deserialize_with = "whether_ready")]
    pub ready: Result<(), String>,
    /// Pairs known now, observed or not.
    pub pairs: u64,
    /// Of these, those that are not observed because there are too many.
    pub pairs_over_limit: u64,
    pub events: PairEvents,
    /// Attaches that failed, by reason: few and fixed words.
    pub attach_errors: BTreeMap<String, u64>,
    /// One for each pair of the report, in its order.
    #[serde(skip)]
    pub observed: Vec<PairState>,
    /// The same, by direction; empty where the frames that died are not told.
    #[serde(skip)]
    pub last_drops: Vec<[LastDrops; 2]>,
    pub ring: RingState,
    /// By program, gone pairs included; none while the kernel does not count.
    pub programs: Vec<ProgramCost>,
    /// None when there is nothing that could be loaded anew.
    pub reload: Option<Reload>,
    /// None while nothing is pushed.
    pub push: Option<PushState>,
}

impl AgentState {
    /// Ready, with nothing observed yet.
    pub fn new(taken_ns: u64) -> Self {
        Self {
            taken_ns,
            taken_unix_ns: 0,
            took_ns: 0,
            started_ns: 0,
            loss_timeout_ns: 0,
            ready: Ok(()),
            pairs: 0,
            pairs_over_limit: 0,
            events: PairEvents::default(),
            attach_errors: BTreeMap::new(),
            observed: Vec::new(),
            last_drops: Vec::new(),
            ring: RingState::default(),
            programs: Vec::new(),
            reload: None,
            push: None,
        }
    }
}

/// What the agent does with one pair.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PairState {
    /// Of this observation; never given twice by one agent.
    pub id: u64,
    /// Whether programs are on each end.
    pub observed: [bool; 2],
    /// Share of frames that are copied to user space.
    pub sampling_ratio: f64,
    /// Share of frames that are timed.
    pub timing_ratio: f64,
}

impl PairState {
    /// Both ends observed, every frame timed and none copied.
    pub const fn new(id: u64) -> Self {
        Self { id, observed: [true; 2], sampling_ratio: 0.0, timing_ratio: 1.0 }
    }
}

/// What became of pairs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairEvents {
    pub added: u64,
    pub removed: u64,
    pub moved: u64,
    pub renamed: u64,
}

/// Frames that were copied to the rings, and those that found them full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingState {
    pub samples: u64,
    pub lost: u64,
}

impl RingState {
    /// With what one direction told.
    #[must_use]
    pub fn and(self, told: &Told) -> Self {
        Self { samples: self.samples + told.frames, lost: self.lost + told.lost }
    }
}

/// What one kind of program cost, as the kernel counts it (`kernel.bpf_stats_enabled`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramCost {
    pub program: String,
    pub runs: u64,
    pub run_time_ns: u64,
}

/// The last time that the configuration was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reload {
    pub successful: bool,
    /// Of the last one that was, since the Unix epoch.
    pub last_success_unix_ns: u64,
}

impl Reload {
    /// One that was good.
    pub fn succeeded(at: SystemTime) -> Self {
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let last_success_unix_ns = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        Self { successful: true, last_success_unix_ns }
    }
}

/// What became of the numbers that were pushed over OTLP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushState {
    /// Exports that the receiver took.
    pub delivered: u64,
    /// Exports that were given up, because it refused them or was not to be reached until the next was due.
    pub failed: u64,
    /// Data points that it did not take of those that it took.
    pub rejected_points: u64,
}

/// What the web server of an agent counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WebState {
    pub connections: u64,
    /// Closed to make room for others, or turned away.
    pub refused: u64,
    /// Answers by status.
    pub answers: BTreeMap<u16, u64>,
    /// Streams that were ended because the client did not keep up.
    pub streams_dropped: u64,
    /// None without a web configuration.
    pub reload: Option<Reload>,
}

/// What the kernel says of the agent's process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct ProcessState {
    pub cpu_seconds: f64,
    /// Of these, in the kernel.
    pub system_seconds: f64,
    pub start_unix_seconds: f64,
    pub resident_bytes: u64,
    pub virtual_bytes: u64,
    pub open_fds: u64,
    pub max_fds: Option<u64>,
    pub threads: u64,
}

/// `ok`, and the reason when it is not.
#[derive(Serialize, Deserialize)]
struct Readiness {
    ok: bool,
    reason: Option<String>,
}

fn readiness<S: Serializer>(ready: &Result<(), String>, serializer: S) -> Result<S::Ok, S::Error> {
    Readiness { ok: ready.is_ok(), reason: ready.clone().err() }.serialize(serializer)
}

fn whether_ready<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Result<(), String>, D::Error> {
    let Readiness { ok, reason } = Readiness::deserialize(deserializer)?;
    Ok(if ok { Ok(()) } else { Err(reason.unwrap_or_default()) })
}
