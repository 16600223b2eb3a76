//! `capture` as a user runs it: against tcpdump on both ends, tshark, capinfos, and in the ways that writing can fail.

mod ends;
mod live;
mod lost;
mod rows;
mod tcpdump;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::{
    netns::run,
    witness::{Packet, packets_of},
};

/// A file of this test's own, gone with the value.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("vot-{}-{number}-{name}", std::process::id())))
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// What tshark finds in it, in its order, where `filter` holds.
    fn packets(&self, filter: &str) -> Vec<Packet> {
        let plain = Self::new("plain.pcap");
        run("tshark", &["-n", "-r", self.path(), "-Y", filter, "-F", "nsecpcap", "-w", plain.path()]);
        packets_of(&plain.0)
    }

    /// The fields of all packets, one line each.
    fn fields(&self, filter: &str, fields: &[&str]) -> Vec<String> {
        fields_of(self.path(), filter, fields)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn fields_of(path: &str, filter: &str, fields: &[&str]) -> Vec<String> {
    let fields: Vec<&str> = fields.iter().flat_map(|field| ["-e", field]).collect();
    let text = run("tshark", &[&["-n", "-r", path, "-Y", filter, "-T", "fields"], &fields[..]].concat());
    text.lines().map(str::to_owned).collect()
}

/// Packets in a file that must be whole: capinfos fails where it is not.
#[track_caller]
fn count(path: &Path) -> u64 {
    let text = run("capinfos", &["-TrcM", path.to_str().unwrap()]);
    text.split_whitespace().last().unwrap().parse().unwrap()
}

/// A frame of the local experiment that carries its number.
fn numbered(number: u32, len: usize) -> Vec<u8> {
    let mut frame = [&[0xff; 12][..], &[0x88, 0xb5], &number.to_be_bytes()].concat();
    frame.resize(len, 0x5a);
    frame
}

fn number(frame: &[u8]) -> u32 {
    u32::from_be_bytes(frame[14..18].try_into().unwrap())
}
