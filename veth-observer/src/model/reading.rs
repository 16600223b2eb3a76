//! What the kernel counted.

use veth_observer_common::{
    counters::{Received, Sent},
    probes::Probes,
    stages::Stages,
};

use super::{driver::DriverCounts, drop::Death};

/// Counters of one direction, summed over CPUs, and the time around reading them (CLOCK_MONOTONIC, nanoseconds).
#[derive(Debug, Clone)]
pub struct Reading {
    pub before_ns: u64,
    pub after_ns: u64,
    pub sent: Sent,
    pub received: Received,
    /// By place; what died of copies that taps were given is among them.
    pub deaths: Vec<Death>,
    /// Of the receiving end since its observation began; none where its driver does not count.
    pub driver: Option<DriverCounts>,
    /// None without probes.
    pub probes: Option<Box<Probes>>,
    /// Of traffic and of probes; none unless asked for.
    pub stages: Option<Box<[Stages; 2]>>,
}

impl Reading {
    pub const ZERO: Self = Self {
        before_ns: 0,
        after_ns: 0,
        sent: Sent::ZERO,
        received: Received::ZERO,
        deaths: Vec::new(),
        driver: None,
        probes: None,
        stages: None,
    };
}
