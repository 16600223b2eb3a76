//! Per-CPU values summed into one reading per direction.

use anyhow::Result;
use veth_observer_common::slot;

use super::{Deaths, clock};
use crate::{kernel::Maps, model::reading::Reading};

/// Reads both directions of one pair.
///
/// Arrivals and deaths are read before departures, so that a frame that passes meanwhile is in flight, and never received
/// before it was sent. Deaths are those of the last look at them.
pub fn read(maps: &Maps, deaths: Option<&Deaths>, pair: u32) -> Result<Box<[Reading; 2]>> {
    let mut readings = Box::new([Reading::ZERO; 2]);
    if let Some(deaths) = deaths {
        for (reading, deaths) in readings.iter_mut().zip(deaths.of(pair)?) {
            reading.deaths = deaths;
        }
    }
    for (direction, reading) in (0..).zip(readings.iter_mut()) {
        let slot = slot(pair, direction);
        reading.before_ns = clock::monotonic_ns();
        for value in maps.received(slot)?.iter() {
            reading.received.merge(value);
        }
        for value in maps.sent(slot)?.iter() {
            reading.sent.merge(value);
        }
        reading.after_ns = clock::monotonic_ns();
    }
    Ok(readings)
}
