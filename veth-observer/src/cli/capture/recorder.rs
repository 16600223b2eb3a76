//! From samples to batches of blocks, file by file.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;

use super::{
    sink::Files,
    writer::{Batch, Piece, Writer},
};
use crate::{
    model::sample::{Sample, Sampled},
    observe::Observation,
    view::pcapng::{Origin, Section, Statistics},
};

/// Samples that are taken in one go, and bytes that go to the writer in one go.
const SAMPLES: usize = 64;
const BATCH: usize = 1 << 20;

/// Batches in one look, so that Ctrl-C is heard under any load.
const BATCHES: u32 = 8;

/// What a packet has beside its bytes; and at most, with the statistics that end a file.
const BESIDE: usize = 100;
const MOST_BESIDE: usize = 1024;

/// The shortest record takes this much of the ring.
const SHORTEST_RECORD: u32 = 64;

/// How often to look for room.
const ROOM: Duration = Duration::from_millis(2);

pub(super) struct Recorder {
    writer: Writer,
    origin: Origin,
    section: Section,
    /// Complete pieces of the next batch.
    batch: Batch,
    /// Bytes of the present file that left the section.
    bytes: u64,
    ring_bytes: u32,
    rotate: Option<u64>,
    left: u64,
    start_ns: u64,
    /// What sampling had done when the present file began.
    before: [Sampled; 2],
    /// Packets in the present file, and before it.
    written: [u64; 2],
    written_before: [u64; 2],
    /// Losses that no packet has told yet, and those that one has, or that were before.
    dropped: [u64; 2],
    told: [u64; 2],
}

/// What a capture came to.
pub(super) struct Captured {
    /// Packets, by the end that saw them.
    pub(super) packets: [u64; 2],
    pub(super) sampled: [Sampled; 2],
    pub(super) files: Files,
}

impl Recorder {
    pub(super) fn new(
        writer: Writer,
        origin: Origin,
        ring_bytes: u32,
        rotate: Option<u64>,
        count: Option<u64>,
    ) -> Result<Self> {
        let mut recorder = Self {
            writer,
            section: Section::new(&origin)?,
            origin,
            batch: Batch::new(),
            bytes: 0,
            ring_bytes,
            rotate,
            left: count.unwrap_or(u64::MAX),
            start_ns: now_ns(),
            before: Default::default(),
            written: [0; 2],
            written_before: [0; 2],
            dropped: [0; 2],
            told: [0; 2],
        };
        // A reader learns at once what it will see.
        recorder.hand_over();
        Ok(recorder)
    }

    /// True when there are as many packets as were asked for.
    pub(super) fn is_full(&self) -> bool {
        self.left == 0
    }

    pub(super) async fn failure(&mut self) -> anyhow::Error {
        self.writer.failure().await
    }

    /// Counts what the capture has lost; true when that is more than before.
    pub(super) fn notice_loss(&mut self, observation: &mut Observation) -> Result<bool> {
        let sampled = observation.sampled()?;
        let mut more = false;
        for end in 0..2 {
            let untold = sampled[end].lost.saturating_sub(self.told[end]);
            more |= untold > self.dropped[end];
            self.dropped[end] = untold;
        }
        Ok(more)
    }

    /// Takes samples while there is room for them; true when there may be more.
    pub(super) fn take(&mut self, observation: &mut Observation) -> Result<bool> {
        for _ in 0..BATCHES {
            if !self.writer.has_room() {
                return Ok(true);
            }
            if !self.fill(observation)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes what is left in the ring, waiting for room.
    pub(super) async fn drain(&mut self, observation: &mut Observation) -> Result<()> {
        let end = self.packets().saturating_add(u64::from(self.ring_bytes / SHORTEST_RECORD));
        while self.packets() < end && self.take(observation)? {
            tokio::time::sleep(ROOM).await;
        }
        Ok(())
    }

    /// Ends the last file and waits until all is written.
    pub(super) async fn finish(mut self, observation: &mut Observation) -> Result<Captured> {
        let sampled = self.close(observation)?;
        self.hand_over_when_there_is_room().await;
        let packets = [0, 1].map(|end| self.written_before[end] + self.written[end]);
        Ok(Captured { packets, sampled, files: self.writer.finish().await? })
    }

    fn packets(&self) -> u64 {
        self.written.iter().chain(&self.written_before).sum()
    }

    /// One batch; true when there may be more samples.
    fn fill(&mut self, observation: &mut Observation) -> Result<bool> {
        let (mut more, mut bytes) = (true, 0);
        while more && bytes < BATCH {
            let most = usize::try_from(self.left).unwrap_or(SAMPLES).min(SAMPLES);
            let samples = observation.samples(most);
            more = samples.len() == most && most > 0;
            for sample in &samples {
                self.packet(sample, observation)?;
                bytes += sample.bytes.len() + BESIDE;
            }
        }
        self.hand_over();
        Ok(more)
    }

    fn packet(&mut self, sample: &Sample, observation: &mut Observation) -> Result<()> {
        let end = sample.end();
        let size = self.bytes + (self.section.len() + sample.bytes.len() + MOST_BESIDE) as u64;
        if self.rotate.is_some_and(|most| size > most) && self.written != [0; 2] {
            self.next_file(observation)?;
        }
        self.section.packet(sample, self.dropped[end])?;
        self.told[end] += std::mem::take(&mut self.dropped[end]);
        self.written[end] += 1;
        self.left -= 1;
        Ok(())
    }

    fn next_file(&mut self, observation: &mut Observation) -> Result<()> {
        self.before = self.close(observation)?;
        self.batch.push(Piece::Blocks(self.section.take()));
        self.batch.push(Piece::NextFile);
        self.section = Section::new(&self.origin)?;
        (self.bytes, self.start_ns) = (0, now_ns());
        for end in 0..2 {
            self.written_before[end] += std::mem::take(&mut self.written[end]);
        }
        Ok(())
    }

    /// Writes what happened at each end since the file began, and gives what happened in all.
    fn close(&mut self, observation: &mut Observation) -> Result<[Sampled; 2]> {
        let (now, end_ns) = (observation.sampled()?, now_ns());
        for end in 0..2 {
            let (now, before) = (now[end], self.before[end]);
            let sampled = Sampled {
                taken: now.taken.saturating_sub(before.taken),
                skipped: now.skipped.saturating_sub(before.skipped),
                filtered: now.filtered.saturating_sub(before.filtered),
                lost: now.lost.saturating_sub(before.lost),
            };
            let written = self.written[end];
            let statistics = Statistics { start_ns: self.start_ns, end_ns, sampled, written };
            self.section.statistics(end, &statistics)?;
        }
        Ok(now)
    }

    fn hand_over(&mut self) {
        if !self.section.is_empty() {
            self.bytes += self.section.len() as u64;
            self.batch.push(Piece::Blocks(self.section.take()));
        }
        if !self.batch.is_empty() {
            self.writer.put(std::mem::take(&mut self.batch));
        }
    }

    async fn hand_over_when_there_is_room(&mut self) {
        self.room().await;
        self.hand_over();
        self.room().await;
    }

    async fn room(&mut self) {
        while !self.writer.has_room() {
            tokio::time::sleep(ROOM).await;
        }
    }
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
