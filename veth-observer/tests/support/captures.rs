//! Capture files: made by tcpdump, written byte by byte, and read without our reader.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    netns::{Background, Lab},
    witness,
};

/// A file of a test's own, gone with the value.
pub(crate) struct TestFile(PathBuf);

impl TestFile {
    pub(crate) fn new(lab: &Lab, name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("{}-{name}", lab.name(0)));
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn name(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TestFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// tcpdump on one end, until it has so many frames.
pub(crate) struct Tcpdump {
    tcpdump: Background,
    pub(crate) file: TestFile,
}

impl Tcpdump {
    /// Of what comes in.
    pub(crate) fn start(lab: &Lab, at: usize, ifname: &str, name: &str, count: usize) -> Self {
        let file = TestFile::new(lab, name, &[]);
        let flags = ["-Q", "in", "-c", &count.to_string()];
        Self { tcpdump: witness::tcpdump(lab, at, ifname, file.path(), &flags), file }
    }

    /// Waits until it has them all.
    pub(crate) fn file(mut self) -> TestFile {
        super::netns::eventually("tcpdump has every frame", || self.tcpdump.0.try_wait().unwrap().is_some());
        self.file
    }
}

/// Time since the Unix epoch, and bytes, of each record of a little-endian pcap file in nanoseconds.
pub(crate) fn records(file: &Path) -> Vec<(Duration, Vec<u8>)> {
    let bytes = std::fs::read(file).unwrap();
    assert_eq!(bytes[..4], 0xa1b2_3c4d_u32.to_le_bytes());
    let (mut rest, mut records) = (&bytes[24..], Vec::new());
    while !rest.is_empty() {
        let word = |at: usize| u32::from_le_bytes(rest[4 * at..4 * at + 4].try_into().unwrap());
        let len = usize::try_from(word(2)).unwrap();
        assert_eq!(word(2), word(3), "whole");
        records.push((Duration::new(word(0).into(), word(1)), rest[16..16 + len].to_vec()));
        rest = &rest[16 + len..];
    }
    records
}

/// A pcap file of microseconds in the byte order that this machine has not, of this link type.
pub(crate) fn big_endian_pcap(link: u32, records: &[(Duration, &[u8], usize)]) -> Vec<u8> {
    let mut bytes = [0xa1b2_c3d4, 0x0002_0004, 0, 0, 262_144, link].map(u32::to_be_bytes).concat();
    for (at, frame, original) in records {
        let lengths = [frame.len(), *original].map(|len| u32::try_from(len).unwrap());
        let head = [u32::try_from(at.as_secs()).unwrap(), at.subsec_micros(), lengths[0], lengths[1]];
        bytes.extend(head.map(u32::to_be_bytes).concat());
        bytes.extend_from_slice(frame);
    }
    bytes
}

/// A block of a big-endian pcapng file.
pub(crate) fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = [body, &[0; 3][..body.len().wrapping_neg() % 4]].concat();
    let len = u32::try_from(padded.len() + 12).unwrap().to_be_bytes();
    [&kind.to_be_bytes()[..], &len, &padded, &len].concat()
}

pub(crate) fn section() -> Vec<u8> {
    block(0x0a0d_0d0a, &[&0x1a2b_3c4d_u32.to_be_bytes()[..], &[0, 1, 0, 0], &[0xff; 8]].concat())
}

/// An interface of this link type whose times are in units of 10 to the minus `resolution` seconds.
pub(crate) fn interface(link: u16, resolution: u8) -> Vec<u8> {
    let option = [&[0, 9, 0, 1, resolution, 0, 0, 0][..], &[0; 4]].concat();
    block(1, &[&link.to_be_bytes()[..], &[0; 6], &option].concat())
}

/// An enhanced packet, at so many units of its interface since the Unix epoch.
pub(crate) fn packet(interface: u32, units: u64, frame: &[u8], original: usize) -> Vec<u8> {
    let lengths = [frame.len(), original].map(|len| u32::try_from(len).unwrap().to_be_bytes());
    block(6, &[&interface.to_be_bytes()[..], &units.to_be_bytes(), &lengths.concat(), frame].concat())
}

/// A simple packet, which has no time.
pub(crate) fn simple_packet(frame: &[u8]) -> Vec<u8> {
    block(3, &[&u32::try_from(frame.len()).unwrap().to_be_bytes()[..], frame].concat())
}
