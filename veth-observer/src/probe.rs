//! Probe frames from one end, at an even pace.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use veth_observer_common::probes::{ETHER_TYPE, HEADER, MAGIC, PAYLOAD, Payload};

use crate::{model::mac::Mac, wire::PacketSocket};

/// The shortest frame there is on a wire, without its check sequence, in bytes.
pub const SHORTEST: usize = 60;

/// Frames per second.
pub const FASTEST: u32 = 100_000;

/// What to send from one end.
#[derive(Debug, Clone)]
pub struct Plan {
    pub src: Mac,
    pub dst: Mac,
    /// That the programs know the probes by.
    pub secret: u64,
    /// Bytes from the destination address on; at least [`SHORTEST`].
    pub size: usize,
    /// Frames per second, 1 to [`FASTEST`].
    pub rate: u32,
    /// None for as many as there is time.
    pub count: Option<u64>,
}

/// What became of a plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Frames that the kernel was given.
    pub offered: u64,
    /// Further frames that it did not take, because the device was down.
    pub refused: u64,
    /// The device went away, and with it the rest of the plan.
    pub gone: bool,
}

/// Whoever is later than this, because it was not its turn on the CPU, does not catch up: a burst would be another load
/// than the one that was asked for.
const CATCH_UP: Duration = Duration::from_millis(1);

/// The longest sleep, so that `stop` is heard.
const NAP: Duration = Duration::from_millis(20);

/// Sends until the plan is done, the device is gone, or `stop` is set.
///
/// EPERM and EMSGSIZE come back as they are.
pub fn send(socket: &PacketSocket, plan: &Plan, stop: &AtomicBool) -> io::Result<Tally> {
    let mut frame = frame(plan);
    let mut tally = Tally::default();
    let mut started = Instant::now();
    let most = plan.count.unwrap_or(u64::MAX);
    for number in 0..most {
        let due = due(number, plan.rate);
        loop {
            if stop.load(Ordering::Relaxed) {
                return Ok(tally);
            }
            let passed = started.elapsed();
            match due.checked_sub(passed) {
                Some(left) if !left.is_zero() => thread::sleep(left.min(NAP)),
                _ => {
                    let late = passed.saturating_sub(due);
                    if late > CATCH_UP {
                        started += late;
                    }
                    break;
                }
            }
        }
        let payload = Payload { magic: MAGIC, secret: plan.secret, sequence: number + 1 };
        frame[HEADER..HEADER + PAYLOAD].copy_from_slice(&payload.to_bytes());
        match socket.send(&frame) {
            Ok(()) => tally.offered += 1,
            // Dropped by the queue: it had left through our hook by then, and counts as sent.
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => tally.offered += 1,
            Err(error) if error.raw_os_error() == Some(libc::ENETDOWN) => tally.refused += 1,
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENXIO | libc::ENODEV)) => {
                tally.gone = true;
                return Ok(tally);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(tally)
}

/// When a frame is due, from the beginning.
fn due(number: u64, rate: u32) -> Duration {
    let ns = u128::from(number) * 1_000_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX))
}

/// The frame without its payload.
fn frame(plan: &Plan) -> Vec<u8> {
    let mut frame = [&plan.dst.0[..], &plan.src.0, &ETHER_TYPE.to_be_bytes()].concat();
    frame.resize(plan.size.max(SHORTEST), 0);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_due_at_an_even_pace_for_as_long_as_anybody_waits() {
        assert_eq!(due(0, 100), Duration::ZERO);
        assert_eq!(due(3, 100), Duration::from_millis(30));
        assert_eq!(due(1, FASTEST), Duration::from_micros(10));
        assert_eq!(due(u64::MAX, 1), Duration::from_nanos(u64::MAX));
    }

    #[test]
    fn a_frame_has_its_addresses_its_type_and_its_length() {
        let (src, dst) = (Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2]));
        let plan = Plan { src, dst, secret: 1, size: 100, rate: 1, count: None };
        let frame = frame(&plan);
        assert_eq!(frame.len(), 100);
        assert_eq!(frame[..14], [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5]);
    }
}
