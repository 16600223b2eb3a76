//! The one shape of all machine output, and what every view renders.

mod told;

use serde::{Deserialize, Serialize};

use super::{SCHEMA, driver::DriverCounts, drop::Stage, link::End};

/// Delivery on every observed pair since its observation began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub schema: u32,
    pub pairs: Vec<PairReport>,
}

impl Report {
    pub fn new(pairs: Vec<PairReport>) -> Self {
        Self { schema: SCHEMA, pairs }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairReport {
    /// The name a person gave or would give: alias, else the named end's interface.
    pub pair: String,
    /// When the observation began, in nanoseconds of CLOCK_MONOTONIC.
    #[serde(skip)]
    pub started_ns: u64,
    /// How long the pair has been observed, in nanoseconds of CLOCK_MONOTONIC.
    pub elapsed_ns: u64,
    /// Why the observation ended before it was asked to; none while all is well.
    pub ended: Option<String>,
    /// What these numbers cannot tell on this kernel, or with these privileges, as sentences.
    pub limits: Vec<String>,
    pub hook: Hook,
    pub ends: [End; 2],
    pub directions: [DirectionReport; 2],
}

/// Who counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The program itself, which attached for it.
    Direct,
    /// A running agent; the numbers are the difference of two of its reports.
    Agent,
}

/// Where a frame has arrived, and its delay ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hook {
    Tc,
    XdpNative,
    /// Counted at tc ingress, right behind it.
    XdpGeneric,
}

impl Hook {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tc => "tc",
            Self::XdpNative => "xdp-native",
            Self::XdpGeneric => "xdp-generic",
        }
    }
}

/// How a frame is recognised at the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matching {
    /// A tag and the time ride in the socket buffer's control block from one end to the other.
    Stamp,
    /// The same is kept aside by the address of the buffer, because something on the way writes the control block.
    Address,
    /// All arrivals count as received, and those are timed whose bytes are recognised: nothing else survives the way.
    Digest,
}

/// Where frames of a direction are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenAt {
    Both,
    /// At the end that sends them alone: the other one cannot be entered.
    Departure,
    /// At the end that they are sent to alone.
    Arrival,
}

/// `sent = received + Σ dropped + lost + in_flight`, in frames; `unmatched` stands beside it.
///
/// Where one end alone tells, all but `sent` or but `received` is not known, and not to be shown.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "told::Told<'_>")]
pub struct DirectionReport {
    pub from: String,
    pub to: String,
    pub seen_at: SeenAt,
    pub matching: Matching,
    /// Arrivals whose departure is known. Frames.
    pub matched: u64,
    pub sent: Traffic,
    /// Arrivals that were seen sent; with [`Matching::Digest`] all arrivals.
    pub received: Traffic,
    pub dropped: Vec<Dropped>,
    /// Sent, not yet received, and younger than the loss timeout. Frames.
    pub in_flight: u64,
    /// Sent longer ago than the loss timeout, not received, and not seen dropped (RFC 7680). Frames.
    pub lost: u64,
    /// What the ledger cannot place. Frames; 0 when it closes, negative when more arrived than left.
    pub unexplained: i64,
    /// Arrivals never seen sent. Frames.
    pub unmatched: u64,
    /// Arrivals that left earlier than one that came before them from the same sending CPU (RFC 4737). Frames.
    pub reordered: u64,
    /// Second arrivals of a frame (RFC 5560), which are in no other count. Frames.
    pub duplicated: u64,
    /// One-way delay of received frames (RFC 7679), egress hook to ingress hook, one clock.
    pub delay: Distribution,
    /// Arrivals whose clock read a few nanoseconds before their departure's; counted with a delay of 0. Frames.
    pub clamped: u64,
    /// Absolute difference of the delays of one departure and the next from the same sending CPU (RFC 3393).
    pub variation: Distribution,
    /// What the receiving end's driver counted meanwhile, in no count above; none where it has no such counters. At most a
    /// second old, and of the end in the final report.
    pub driver: Option<DriverCounts>,
    /// Records that the observer itself lost. Frames.
    pub collection_loss: u64,
    /// Frames of our own, which are in none of the counts above; none without them.
    pub probes: Option<ProbeReport>,
    /// Where the frames were on their way; none unless asked for.
    pub stages: Option<StageReport>,
}

impl DirectionReport {
    /// In which nothing was seen yet.
    pub fn new(from: impl Into<String>, to: impl Into<String>) -> Self {
        Self {
            from: from.into(),
            to: to.into(),
            seen_at: SeenAt::Both,
            matching: Matching::Stamp,
            matched: 0,
            sent: Traffic::default(),
            received: Traffic::default(),
            dropped: Vec::new(),
            in_flight: 0,
            lost: 0,
            unexplained: 0,
            unmatched: 0,
            reordered: 0,
            duplicated: 0,
            delay: Distribution::default(),
            clamped: 0,
            variation: Distribution::default(),
            driver: None,
            collection_loss: 0,
            probes: None,
            stages: None,
        }
    }

    /// Itself, where both ends tell of it.
    pub fn whole(&self) -> Option<&Self> {
        (self.seen_at == SeenAt::Both).then_some(self)
    }

    /// What was seen to leave.
    pub fn departed(&self) -> Option<&Traffic> {
        (self.seen_at != SeenAt::Arrival).then_some(&self.sent)
    }

    /// What was seen to arrive.
    pub fn arrived(&self) -> Option<&Traffic> {
        (self.seen_at != SeenAt::Departure).then_some(&self.received)
    }

    /// What arrived; where the sending end alone tells, what left.
    pub fn carried(&self) -> &Traffic {
        self.arrived().unwrap_or(&self.sent)
    }

    /// Frames that were sent and will not arrive; none where one end alone tells.
    pub fn missing(&self) -> Option<u64> {
        self.whole().map(|whole| whole.dropped_frames() + whole.lost)
    }

    /// Frames that were seen to die, wherever.
    pub fn dropped_frames(&self) -> u64 {
        self.dropped.iter().map(|place| place.frames).sum()
    }
}

/// Probe frames: `sent = received + in_flight + lost`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeReport {
    pub sent: u64,
    pub received: u64,
    /// Not yet received; told from lost only at the end.
    pub in_flight: u64,
    pub lost: u64,
    /// That arrived after one that was sent later (RFC 4737).
    pub reordered: u64,
    /// Second arrivals (RFC 5560), which are in no other count.
    pub duplicated: u64,
    /// Received so late that their departure was forgotten: they are in no delay.
    pub untimed: u64,
    pub delay: Distribution,
    /// Absolute difference of the delays of a probe and the one that arrived in order before it (RFC 3393).
    pub variation: Distribution,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stages: Option<StageReport>,
}

/// Times since departure, each from the egress hook on; the ingress hook follows, whose times are the delay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageReport {
    /// Until the driver of the sending end was given the frame: what it waited in queueing disciplines.
    pub to_device: Distribution,
    /// Until the stack of the receiving end was given it: the ring or backlog, and the wait for its softirq, lie between.
    pub to_stack: Distribution,
}

/// Three units that are never mixed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Kernel buffers; one may hold many frames (GSO).
    pub skbs: u64,
    /// Frames as they would be on a wire.
    pub frames: u64,
    /// Bytes of those frames, headers and VLAN tag included, without FCS.
    pub bytes: u64,
}

/// Frames that died at one place for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    pub stage: Stage,
    /// As the running kernel calls it; none before Linux 5.17.
    pub reason: Option<String>,
    /// Kernel function, or an address where the kernel hides its symbols.
    pub location: String,
    pub frames: u64,
}

/// Times in nanoseconds; quantiles come from a histogram with 8 buckets per doubling and are within 4.5 % of the exact value
/// from 8 ns to 64 s, and never outside `[min, max]`. All but `count` are `None` when there was nothing to measure; the least and
/// the largest also where only those of a longer time are known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// Of delays, frames; of variation, pairs of departures.
    pub count: u64,
    pub min_ns: Option<u64>,
    pub mean_ns: Option<u64>,
    pub sum_ns: Option<u64>,
    pub p50_ns: Option<u64>,
    pub p90_ns: Option<u64>,
    pub p99_ns: Option<u64>,
    pub p999_ns: Option<u64>,
    pub max_ns: Option<u64>,
    /// Counts by bucket, on the grid of [`veth_observer_common::buckets`]; empty when there was nothing to measure.
    #[serde(skip)]
    pub buckets: Vec<u64>,
}
