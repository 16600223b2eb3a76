//! Programs of others that see the same frames: dumpcap's captures and bpftrace's tracepoints.

use std::{
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{ChildStdout, Command, Stdio},
};

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
    pub(crate) fn numbers(mut self) -> Vec<i64> {
        run("kill", &["-INT", &self.bpftrace.pid().to_string()]);
        let mut text = String::new();
        self.stdout.read_to_string(&mut text).unwrap();
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
