//! Where between the two ends a frame can die.

use std::{collections::VecDeque, fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use veth_observer_common::drops::{Dead, Told};

use super::report::Dropped;

/// A part of the way from one end to the other, in the order of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Another program or filter on the sending end's egress hook.
    EgressProgram,
    /// The queueing discipline of the sending end.
    Qdisc,
    /// The pair itself, on the way from the sending end's queue to the receiving end.
    Veth,
    /// The ring of a receiving end that polls (NAPI).
    Ring,
    /// The queue of the CPU that receives.
    Backlog,
    /// An XDP program of the receiving end, in the driver or generic.
    Xdp,
    /// Another program or filter on the receiving end's ingress hook.
    IngressProgram,
    /// A place that has no name here.
    Other,
}

impl Stage {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EgressProgram => "egress-program",
            Self::Qdisc => "qdisc",
            Self::Veth => "veth",
            Self::Ring => "ring",
            Self::Backlog => "backlog",
            Self::Xdp => "xdp",
            Self::IngressProgram => "ingress-program",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The end whose device a frame belonged to when it died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    Sending,
    Receiving,
    /// Neither, or it cannot be told: some queues keep their own data where the device was.
    Unknown,
}

/// Frames that died at one place for one reason, as the kernel tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// Name in `enum skb_drop_reason` of the running kernel, without its prefix; none before Linux 5.17.
    pub reason: Option<String>,
    /// The kernel function that freed the buffer; none where the kernel hides its symbols.
    pub function: Option<String>,
    /// The module that it is part of; none when that is the kernel itself.
    pub module: Option<String>,
    /// Address inside that function.
    pub address: u64,
    pub side: Side,
    pub dead: Dead,
}

impl Death {
    /// Of which nothing is known but that it happened.
    pub const UNPLACED: Self = Self {
        reason: None,
        function: None,
        module: None,
        address: 0,
        side: Side::Unknown,
        dead: Dead::NONE,
    };
}

/// Frames of one buffer that were seen to die.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedFrame {
    /// When, in nanoseconds since the Unix epoch.
    pub at_ns: u64,
    /// Since they left, in nanoseconds.
    pub after_ns: u64,
    pub place: Dropped,
    /// Length of the buffer before it was cut, VLAN tag included, in bytes.
    pub len: u32,
    /// The first bytes, from the destination MAC on; none where the kernel did not say where they are.
    pub bytes: Vec<u8>,
}

/// The last frames of a direction that died.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastDrops {
    /// The oldest first.
    pub frames: VecDeque<Arc<DroppedFrame>>,
    /// How many were told, and why others were not; read a little later than the report.
    pub told: Told,
}

impl LastDrops {
    /// Frames that the buffers of [`LastDrops::frames`] stood for.
    pub fn shown(&self) -> u64 {
        self.frames.iter().map(|frame| frame.place.frames).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_text_call_a_stage_the_same() {
        for stage in [
            Stage::EgressProgram,
            Stage::Qdisc,
            Stage::Veth,
            Stage::Ring,
            Stage::Backlog,
            Stage::Xdp,
            Stage::IngressProgram,
            Stage::Other,
        ] {
            assert_eq!(serde_json::to_string(&stage).unwrap(), format!("\"{stage}\""));
        }
    }
}
