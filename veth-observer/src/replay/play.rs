//! Sending the frames of a file, each when it is due.

use std::{
    io,
    path::PathBuf,
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use super::{file::Capture, survey::judge};
use crate::{
    model::replay::Replayed,
    pace::{self, Pace},
    wire::PacketSocket,
};

/// When frames are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tempo {
    /// As they were recorded, so many times as fast.
    Recorded { speed: f64 },
    /// At an even pace, in frames per second.
    Even(u32),
    /// As fast as the device takes them.
    Unpaced,
}

impl Tempo {
    /// How long it takes to send `frames` that were recorded over `recorded`.
    pub fn lasts(self, frames: u64, recorded: Duration) -> Duration {
        self.due(frames.saturating_sub(1), recorded)
    }

    /// When the frame of this number, that was recorded so long after the first, is due.
    fn due(self, number: u64, recorded: Duration) -> Duration {
        match self {
            Self::Recorded { speed } => {
                Duration::try_from_secs_f64(recorded.as_secs_f64() / speed).unwrap_or(Duration::MAX)
            }
            Self::Even(rate) => pace::even(number, rate),
            Self::Unpaced => Duration::ZERO,
        }
    }
}

/// What to send, and when.
#[derive(Debug, Clone)]
pub struct Plan {
    pub file: PathBuf,
    pub tempo: Tempo,
    /// Of the sending end, in bytes.
    pub mtu: Option<u32>,
    /// None for all.
    pub count: Option<u64>,
    /// How often to send the file.
    pub rounds: u64,
}

/// What ended a replay before its end.
#[derive(Debug)]
pub enum Stopped {
    /// The file changed while it was read, or could not be read.
    File(anyhow::Error),
    /// The socket failed.
    Wire(io::Error),
}

/// Sends until all is sent, something fails or `stop` is set; `before` is shown each frame before it leaves. What was sent
/// is told in any case.
pub fn play(
    plan: &Plan,
    socket: &PacketSocket,
    stop: &AtomicBool,
    before: impl FnMut(&[u8]),
) -> (Replayed, Result<(), Stopped>) {
    let started = Instant::now();
    let mut tally = Replayed::default();
    let outcome = send_all(plan, socket, stop, before, &mut tally);
    tally.elapsed_ns = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
    (tally, outcome)
}

fn send_all(
    plan: &Plan,
    socket: &PacketSocket,
    stop: &AtomicBool,
    mut before: impl FnMut(&[u8]),
    tally: &mut Replayed,
) -> Result<(), Stopped> {
    // However late a frame is, the next is due when it was: over the whole file nothing drifts.
    let mut pace = Pace::start(None);
    // Ends of the round before, on the time of the recording.
    let mut base = Duration::ZERO;
    let mut number = 0;
    for _ in 0..plan.rounds {
        let mut capture = Capture::open(&plan.file).map_err(Stopped::File)?;
        let (mut first, mut recorded) = (None, base);
        while let Some(record) = capture.record().map_err(Stopped::File)? {
            if judge(&record, plan.mtu).is_err() {
                continue;
            }
            if plan.count == Some(number) {
                return Ok(());
            }
            if let Some(at) = record.at {
                // Files of several interfaces need not be in order: what is overdue leaves at once.
                let first = *first.get_or_insert(at);
                recorded = recorded.max(base + at.saturating_sub(first));
            }
            if !pace.wait(plan.tempo.due(number, recorded), stop) {
                return Ok(());
            }
            before(record.bytes);
            number += 1;
            match socket.send(record.bytes) {
                Ok(()) => {
                    tally.sent += 1;
                    tally.bytes += u64::try_from(record.bytes.len()).unwrap_or(0);
                }
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => tally.refused += 1,
                Err(error) => return Err(Stopped::Wire(error)),
            }
        }
        base = recorded;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tempo_says_when_a_frame_is_due() {
        let recorded = Duration::from_secs(3);
        assert_eq!(Tempo::Recorded { speed: 1.0 }.due(7, recorded), recorded);
        assert_eq!(Tempo::Recorded { speed: 2.0 }.due(7, recorded), Duration::from_millis(1500));
        assert_eq!(Tempo::Even(100).due(7, recorded), Duration::from_millis(70));
        assert_eq!(Tempo::Unpaced.due(7, recorded), Duration::ZERO);
        assert_eq!(Tempo::Recorded { speed: 1e-300 }.due(7, recorded), Duration::MAX);
        assert_eq!(Tempo::Even(100).lasts(0, recorded), Duration::ZERO);
        assert_eq!(Tempo::Even(100).lasts(101, recorded), Duration::from_secs(1));
    }
}
