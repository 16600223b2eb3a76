//! The end of the way: whole blocks into files or a pipe.

use std::{
    collections::VecDeque,
    fs,
    io::{self, ErrorKind, Seek, SeekFrom, Write},
    path::PathBuf,
};

use anyhow::{Context, Result, anyhow};
use rustix::event::{PollFd, PollFlags, poll};

use super::target::{Opened, Target, identity};

pub(super) struct Sink {
    opened: Opened,
    number: u32,
    /// In the file that is written to.
    packets: u64,
    /// Those that are there, oldest first.
    made: VecDeque<Made>,
}

/// A file of this run.
struct Made {
    path: PathBuf,
    identity: (u64, u64),
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Files {
    /// Those that are there, oldest first; none where it went to standard output.
    pub(super) kept: Vec<PathBuf>,
    /// All that were begun.
    pub(super) begun: u32,
}

impl Sink {
    pub(super) fn new(opened: Opened) -> Result<Self> {
        let mut sink = Self { opened, number: 1, packets: 0, made: VecDeque::new() };
        sink.begin()?;
        Ok(sink)
    }

    /// Writes blocks. Where it fails, a file ends with the last whole block.
    pub(super) fn write(&mut self, blocks: &[u8]) -> Result<()> {
        let mut written = 0;
        while written < blocks.len() {
            match self.opened.file.write(&blocks[written..]) {
                Ok(0) => return Err(self.cut(&blocks[..written], &ErrorKind::WriteZero.into())),
                Ok(more) => written += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait_for_room()?,
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Err(error.into()),
                Err(error) => return Err(self.cut(&blocks[..written], &error)),
            }
        }
        self.packets += whole(blocks).1;
        Ok(())
    }

    /// Ends this file and begins another; where there are as many as may be, the oldest goes before.
    pub(super) fn next_file(&mut self) -> Result<()> {
        let Target::Row { keep, .. } = self.opened.target else { return Ok(()) };
        if let Some(keep) = keep {
            while self.made.len() >= usize::try_from(keep)? {
                self.remove_oldest();
            }
        }
        self.number += 1;
        let path = self.opened.target.path(self.number).context("a row has files")?;
        let file = fs::File::create(&path).with_context(|| format!("cannot write to {}", path.display()))?;
        self.opened.replace(file, path);
        self.packets = 0;
        self.begin()
    }

    /// Fails when the reader of a pipe has gone.
    pub(super) fn look_for_reader(&self) -> io::Result<()> {
        let mut pipe = [PollFd::new(&self.opened.file, PollFlags::empty())];
        poll(&mut pipe, Some(&rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 }))?;
        if pipe[0].revents().contains(PollFlags::ERR) { Err(ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }

    pub(super) fn files(self) -> Files {
        Files { kept: self.made.into_iter().map(|made| made.path).collect(), begun: self.number }
    }

    fn begin(&mut self) -> Result<()> {
        let name = &self.opened.name;
        self.opened.begin().with_context(|| format!("cannot write to {name}"))?;
        if let Some(path) = &self.opened.path {
            self.made.push_back(Made { path: path.clone(), identity: self.opened.identity()? });
        }
        Ok(())
    }

    fn wait_for_room(&self) -> io::Result<()> {
        poll(&mut [PollFd::new(&self.opened.file, PollFlags::OUT)], None)?;
        Ok(())
    }

    /// Takes the part of a block off the end of a file, and says why there is no more.
    fn cut(&mut self, written: &[u8], error: &io::Error) -> anyhow::Error {
        let (bytes, packets) = whole(written);
        let packets = self.packets + packets;
        let name = &self.opened.name;
        let sentence = format!("cannot write on to {name}: {error}");
        match self.take_off((written.len() - bytes) as u64) {
            Ok(true) => anyhow!("{sentence}; it holds {packets} packets and can be read"),
            Ok(false) => anyhow!("{sentence}; {packets} packets are through"),
            Err(why) => anyhow!("{sentence}; its last packet is cut, which cannot be mended: {why}"),
        }
    }

    /// False where there is nothing to take it off.
    fn take_off(&mut self, bytes: u64) -> io::Result<bool> {
        let file = &mut self.opened.file;
        if !file.metadata()?.is_file() {
            return Ok(false);
        }
        let end = file.stream_position()?.saturating_sub(bytes);
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        Ok(true)
    }

    /// Only when it is still the one that was made.
    fn remove_oldest(&mut self) {
        let Some(Made { path, identity: made }) = self.made.pop_front() else { return };
        let is_ours = fs::symlink_metadata(&path).is_ok_and(|now| identity(&now) == made);
        if is_ours && let Err(error) = fs::remove_file(&path) {
            tracing::warn!("cannot remove {}: {error}", path.display());
        }
    }
}

/// The length of the whole blocks at the beginning, and how many of them are packets.
fn whole(blocks: &[u8]) -> (usize, u64) {
    const ENHANCED_PACKET: u32 = 6;
    let word = |at: usize| Some(u32::from_ne_bytes(blocks.get(at..at + 4)?.try_into().ok()?));
    let (mut at, mut packets) = (0, 0);
    while let (Some(kind), Some(len)) = (word(at), word(at + 4)) {
        let Some(end) = at.checked_add(len as usize).filter(|&end| end > at && end <= blocks.len()) else {
            break;
        };
        at = end;
        packets += u64::from(kind == ENHANCED_PACKET);
    }
    (at, packets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(kind: u32, body: usize) -> Vec<u8> {
        let len = u32::try_from(body + 12).unwrap().to_ne_bytes();
        [&kind.to_ne_bytes()[..], &len, &vec![0; body], &len].concat()
    }

    #[test]
    fn whole_blocks_are_told_from_a_part() {
        let blocks = [block(0x0a0d_0d0a, 16), block(1, 8), block(6, 60), block(6, 4)].concat();
        let ends = [0, 28, 48, 120, 136];
        for cut in 0..=blocks.len() {
            let end = *ends.iter().rfind(|&&end| end <= cut).unwrap();
            let packets = u64::from(end >= 120) + u64::from(end >= 136);
            assert_eq!(whole(&blocks[..cut]), (end, packets), "{cut}");
        }
        assert_eq!(whole(&[0; 64]), (0, 0));
    }
}
