//! Programs of others that see the same frames: captures of dumpcap and tcpdump, and bpftrace's tracepoints.

use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{ChildStdout, Command, Stdio},
};

use pcap_file::pcap::PcapReader;

use super::netns::{Background, Lab, eventually, run};

/// dumpcap on one end, into a file of its own.
pub(crate) struct Capture {
    dumpcap: Background,
    file: PathBuf,
}

/// What tshark reads from a capture: when a frame passed, in nanoseconds since the Unix epoch, and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Captured {
    pub(crate) at_ns: i64,
    pub(crate) len: u64,
}

impl Capture {
    /// When this returns, it captures: incoming and outgoing frames, as `tag` names the file.
    pub(crate) fn start(lab: &Lab, at: usize, ifname: &str) -> Self {
        let file = std::env::temp_dir().join(format!("{}-{ifname}.pcapng", lab.name(at)));
        let mut command = Command::new("ip");
        // A buffer of 64 MiB holds all that a test sends, however late it is emptied.
        command.args(["netns", "exec", lab.name(at), "dumpcap", "-q", "-B", "64", "-i", ifname, "-w"]);
        let mut dumpcap = Background::start(command.arg(&file).stdout(Stdio::null()).stderr(Stdio::piped()));
        // It names the file once it captures into it.
        let mut said = BufReader::new(dumpcap.0.stderr.take().unwrap());
        let mut line = String::new();
        while !line.starts_with("File: ") {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "dumpcap ended");
        }
        // What it says at the end must find a reader.
        std::thread::spawn(move || said.read_to_string(&mut String::new()));
        Self { dumpcap, file }
    }

    /// Stops when it has as many frames as there are, and gives those that match.
    pub(crate) fn frames(mut self, filter: &str, count: usize) -> Vec<Captured> {
        let file = self.file.to_str().unwrap().to_owned();
        eventually("all frames are captured", || {
            // It fails on a file that is being written and ends in the middle of a frame.
            let output = Command::new("capinfos").args(["-TrcM", &file]).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            text.split_whitespace()
                .last()
                .and_then(|word| word.parse().ok())
                .is_some_and(|have: usize| have >= count)
        });
        run("kill", &["-INT", &self.dumpcap.pid().to_string()]);
        self.dumpcap.0.wait().unwrap();
        let fields = ["-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len"];
        let text = run("tshark", &[&["-n", "-r", &file, "-Y", filter][..], &fields].concat());
        text.lines().map(captured).collect()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

/// `1700000000.123456789<TAB>60`
fn captured(line: &str) -> Captured {
    let (time, len) = line.split_once('\t').expect("two fields");
    let (seconds, fraction) = time.split_once('.').expect("a fraction");
    let nanoseconds: i64 = format!("{fraction:0<9}")[..9].parse().unwrap();
    Captured {
        at_ns: seconds.parse::<i64>().unwrap() * 1_000_000_000 + nanoseconds,
        len: len.parse().unwrap(),
    }
}

/// bpftrace with a script that puts numbers into a map `@numbers`, by their place.
pub(crate) struct Trace {
    bpftrace: Background,
    stdout: BufReader<ChildStdout>,
}

impl Trace {
    /// When this returns, the script is attached.
    pub(crate) fn start(script: &str) -> Self {
        // In a mount namespace of its own it may have the tracepoints under their usual path.
        let shell = "mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing; exec bpftrace -e \"$0\"";
        let script = format!("BEGIN {{ printf(\"ready\\n\"); }} {script}");
        let mut command = Command::new("unshare");
        // It warns that it may not raise the limit for locked memory, which no kernel since 5.11 asks for.
        command.args(["--mount", "sh", "-c", shell, &script]).stderr(Stdio::null());
        let mut bpftrace = Background::start(command.stdout(Stdio::piped()));
        let mut stdout = BufReader::new(bpftrace.0.stdout.take().unwrap());
        let mut line = String::new();
        while line.trim() != "ready" {
            line.clear();
            assert!(stdout.read_line(&mut line).unwrap() > 0, "bpftrace ended");
        }
        Self { bpftrace, stdout }
    }

    /// The numbers, in their order. It prints its maps when it is interrupted.
    pub(crate) fn numbers(self) -> Vec<i64> {
        let (pid, mut stdout) = (self.bpftrace.pid().to_string(), self.stdout);
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).unwrap();
            text
        });
        // One that comes just before it waits for events does not wake it.
        eventually("bpftrace ends", || {
            run("kill", &["-INT", &pid]);
            reader.is_finished()
        });
        let text = reader.join().unwrap();
        let mut numbers: Vec<(usize, i64)> = text
            .lines()
            .filter_map(|line| {
                let (place, number) = line.strip_prefix("@numbers[")?.split_once("]: ")?;
                Some((place.parse().unwrap(), number.parse().unwrap()))
            })
            .collect();
        numbers.sort_unstable();
        numbers.into_iter().map(|(_, number)| number).collect()
    }
}

/// One packet of a capture file: when, how long it was, and what is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) at_ns: i64,
    pub(crate) len: u32,
    pub(crate) bytes: Vec<u8>,
}

/// The packets of a file in the old format, in its order.
pub(crate) fn packets_of(file: &Path) -> Vec<Packet> {
    let mut reader = PcapReader::new(std::fs::File::open(file).unwrap()).unwrap();
    let mut packets = Vec::new();
    // One that is being written ends in the middle of a packet.
    while let Some(Ok(packet)) = reader.next_packet() {
        packets.push(Packet {
            at_ns: packet.timestamp().as_nanos().try_into().unwrap(),
            len: packet.orig_len(),
            bytes: packet.data().to_vec(),
        });
    }
    packets
}

/// tcpdump on one end, with times in nanoseconds, into a file. When this returns, it captures.
pub(super) fn tcpdump(lab: &Lab, at: usize, ifname: &str, file: &Path, flags: &[&str]) -> Background {
    let mut command = Command::new("ip");
    // As root it would write as another user, who may not.
    command.args(["netns", "exec", lab.name(at), "tcpdump", "-n", "-Z", "root", "-B", "65536", "-i", ifname]);
    command.args(["--time-stamp-precision=nano", "-w"]).arg(file).args(flags);
    let mut tcpdump = Background::start(command.stdout(Stdio::null()).stderr(Stdio::piped()));
    let mut said = BufReader::new(tcpdump.0.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("listening on ") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "tcpdump ended");
    }
    std::thread::spawn(move || said.read_to_string(&mut String::new()));
    tcpdump
}

/// tcpdump on one end, into a file of its own.
pub(crate) struct Tcpdump {
    tcpdump: Background,
    file: PathBuf,
}

impl Tcpdump {
    pub(crate) fn start(lab: &Lab, at: usize, ifname: &str, snaplen: u32) -> Self {
        let file = std::env::temp_dir().join(format!("{}-{ifname}.pcap", lab.name(at)));
        let flags = ["-s", &snaplen.to_string(), "--immediate-mode", "-U"];
        Self { tcpdump: tcpdump(lab, at, ifname, &file, &flags), file }
    }

    /// Stops when it has as many packets as there are, and gives them.
    pub(crate) fn packets(mut self, count: usize) -> Vec<Packet> {
        eventually("tcpdump has all packets", || packets_of(&self.file).len() >= count);
        run("kill", &["-INT", &self.tcpdump.pid().to_string()]);
        self.tcpdump.0.wait().unwrap();
        packets_of(&self.file)
    }
}

impl Drop for Tcpdump {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}
