//! Per-CPU values summed into one reading per direction.

use anyhow::{Context, Result};
use aya::maps::{MapData, PerCpuArray};
use veth_observer_common::{
    counters::{Received, Sent},
    slot,
};

use super::{Deaths, clock};
use crate::model::reading::Reading;

/// Reads both directions of one pair.
///
/// Arrivals and deaths are read before departures, so that a frame that passes meanwhile is in flight, and never received
/// before it was sent.
pub fn read(
    sent: &PerCpuArray<MapData, Sent>,
    received: &PerCpuArray<MapData, Received>,
    deaths: Option<&mut Deaths>,
    pair: u32,
) -> Result<Box<[Reading; 2]>> {
    let mut readings = Box::new([Reading::ZERO; 2]);
    if let Some(deaths) = deaths {
        for (reading, deaths) in readings.iter_mut().zip(deaths.read(pair)?) {
            reading.deaths = deaths;
        }
    }
    for (direction, reading) in (0..).zip(readings.iter_mut()) {
        let slot = slot(pair, direction);
        reading.before_ns = clock::monotonic_ns();
        for value in received.get(&slot, 0).context("cannot read the arrival counters")?.iter() {
            reading.received.merge(value);
        }
        for value in sent.get(&slot, 0).context("cannot read the departure counters")?.iter() {
            reading.sent.merge(value);
        }
        reading.after_ns = clock::monotonic_ns();
    }
    Ok(readings)
}
