//! Probe frames from one end, at an even pace.

use std::{io, sync::atomic::AtomicBool, time::Duration};

use veth_observer_common::probes::{ETHER_TYPE, HEADER, MAGIC, PAYLOAD, Payload};

use crate::{
    model::mac::Mac,
    pace::{self, Pace},
    wire::PacketSocket,
};

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

/// Sends until the plan is done, the device is gone, or `stop` is set.
///
/// EPERM and EMSGSIZE come back as they are.
pub fn send(socket: &PacketSocket, plan: &Plan, stop: &AtomicBool) -> io::Result<Tally> {
    let mut frame = frame(plan);
    let mut tally = Tally::default();
    let mut pace = Pace::start(Some(CATCH_UP));
    let most = plan.count.unwrap_or(u64::MAX);
    for number in 0..most {
        if !pace.wait(pace::even(number, plan.rate), stop) {
            return Ok(tally);
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
    fn a_frame_has_its_addresses_its_type_and_its_length() {
        let (src, dst) = (Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2]));
        let plan = Plan { src, dst, secret: 1, size: 100, rate: 1, count: None };
        let frame = frame(&plan);
        assert_eq!(frame.len(), 100);
        assert_eq!(frame[..14], [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5]);
    }
}
