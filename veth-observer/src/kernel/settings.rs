//! What the programs of a pair are told at load time.

use std::{sync::Arc, time::Duration};

use veth_observer_common::{counters::EPOCHS, settings::hook, stamp::TIME_BITS};

use super::drops::EndId;
use crate::model::filter::Filter;

/// What the programs of one pair are told at load time.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each turns one independent thing on")]
pub struct Settings {
    /// Index into [`names::LANES`]: where in the control block the stamp rides.
    pub lane: usize,
    /// The ends, so that a drop can be said to be on one of them.
    pub ends: [EndId; 2],
    /// A frame that takes longer is lost; at most [`Settings::LONGEST_TIMEOUT`].
    pub loss_timeout: Duration,
    pub sampling: Option<Sampling>,
    /// Buffers that died to tell of, with their first bytes, in each direction, on each CPU and in each 134 ms; not beside
    /// sampling, which has the same ring. 0 for none.
    pub tell: u32,
    /// Tell order, duplicates and delay variation.
    pub order: bool,
    /// Be able to recognise frames by other means than their stamp.
    pub fallback: bool,
    /// Where arrivals are counted and timed.
    pub hook: Hook,
    /// Know probe frames, count them apart and take them off.
    pub probing: bool,
    /// See frames on their way too.
    pub stages: bool,
    /// Programs are on one end alone.
    pub one_end: bool,
    /// Let the programs write log records.
    pub log: bool,
}

/// Where a frame has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hook {
    /// At tc ingress.
    #[default]
    Tc,
    /// At XDP: in the driver, or, when `generic`, on the way from there to tc ingress.
    Xdp { generic: bool },
}

impl Hook {
    /// Where no stamp can be seen, and the bytes of a frame must do.
    pub fn is_in_driver(self) -> bool {
        self == Self::Xdp { generic: false }
    }

    pub(super) fn constant(self) -> u32 {
        match self {
            Self::Tc => hook::TC,
            Self::Xdp { generic: false } => hook::XDP_NATIVE,
            Self::Xdp { generic: true } => hook::XDP_GENERIC,
        }
    }
}

/// Which frames go to the ring buffer, and how much of each.
#[derive(Debug, Clone)]
pub struct Sampling {
    /// One skb in this many; at least 1.
    pub rate: u32,
    /// Bytes kept of each.
    pub snaplen: u32,
    /// Size of the ring: a power of two, at least a page.
    pub ring_bytes: u32,
    /// Departures and deaths too, so that the fate of each frame is known, and not arrivals alone.
    pub departures: bool,
    /// Only what it matches.
    pub filter: Option<Arc<Filter>>,
}

impl Default for Sampling {
    /// The first bytes of every arrival.
    fn default() -> Self {
        Self { rate: 1, snaplen: 96, ring_bytes: 1 << 22, departures: false, filter: None }
    }
}

impl Settings {
    /// Well below the horizon of a stamp.
    pub const LONGEST_TIMEOUT: Duration = Duration::from_mins(1);

    /// log2 of an epoch in nanoseconds: the shortest for which the timeout spans at most a quarter of the epochs, so that
    /// a reader may be late by half of them.
    pub fn epoch_shift(&self) -> u32 {
        let quarter = self.loss_timeout.as_nanos() * 4 / EPOCHS as u128;
        let shift = 128 - quarter.max(1).leading_zeros();
        shift.clamp(20, TIME_BITS - EPOCHS.ilog2())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shift(timeout: Duration) -> u32 {
        Settings {
            lane: 0,
            ends: Default::default(),
            loss_timeout: timeout,
            sampling: None,
            tell: 0,
            order: false,
            fallback: false,
            hook: Hook::Tc,
            probing: false,
            stages: false,
            one_end: false,
            log: false,
        }
        .epoch_shift()
    }

    #[test]
    fn the_timeout_spans_at_most_a_quarter_of_the_epochs() {
        for millis in [1, 10, 100, 999, 2000, 5000, 60_000] {
            let timeout = Duration::from_millis(millis);
            let epoch = Duration::from_nanos(1 << shift(timeout));
            assert!(timeout <= epoch * 4, "{millis} ms");
        }
        assert_eq!(shift(Duration::from_secs(2)), 29);
        assert!(shift(Settings::LONGEST_TIMEOUT) <= TIME_BITS - 4);
    }
}
