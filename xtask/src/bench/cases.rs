//! Who observes while the load runs, and whether what it counted is true.

use std::{
    os::fd::OwnedFd,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{
    account::Account,
    bpf,
    lab::{Background, FAR, Lab, Left, NEAR, inside},
    usage::Usage,
    workloads::{Run, Workload},
};
use crate::command::find;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// Stands on both sides of every other run.
    Nothing,
    /// Nothing once more, treated like an observer: what the method itself makes of no difference.
    Control,
    /// An empty tcx program on both hooks of both ends.
    Floor,
    Stats,
    StatsClsact,
    /// One frame in 256.
    WatchSome,
    /// Every frame, where it arrives; and the same with a filter that all frames of the flood match, or none.
    WatchAll,
    WatchUdp,
    WatchNone,
    /// Every frame, where it leaves and where it arrives.
    Capture,
    CaptureUdp,
    CaptureNone,
    Tcpdump,
    Dumpcap,
    Tshark,
    Bpftrace,
}

/// What the flood is, and what it is not.
const ALL: [&str; 1] = ["udp"];
const NONE: [&str; 3] = ["tcp", "port", "443"];

/// The nearest that bpftrace comes to `stats`: counts and one-way delays by the address of the buffer, of every device.
/// What it prints says that it runs.
const BPFTRACE: &str = "
tracepoint:net:net_dev_start_xmit { @left[args->skbaddr] = nsecs; @sent = count(); }
tracepoint:net:netif_receive_skb /@left[args->skbaddr]/ {
    @delay = hist(nsecs - @left[args->skbaddr]);
    delete(@left[args->skbaddr]);
}
interval:ms:100 { printf(\"ready\\n\"); }
";

/// bpftrace looks below debugfs; where nobody mounted these file systems, they are mounted for it alone.
const RUN_BPFTRACE: &str = "
[ -e /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing
[ -e /sys/kernel/debug/tracing ] || mount -t debugfs debugfs /sys/kernel/debug
exec bpftrace -e \"$0\" >&2";

impl Case {
    const OBSERVERS: [Self; 15] = [
        Self::Control,
        Self::Floor,
        Self::Stats,
        Self::StatsClsact,
        Self::WatchSome,
        Self::WatchAll,
        Self::WatchUdp,
        Self::WatchNone,
        Self::Capture,
        Self::CaptureUdp,
        Self::CaptureNone,
        Self::Tcpdump,
        Self::Dumpcap,
        Self::Tshark,
        Self::Bpftrace,
    ];

    /// Those whose programs the kernel times.
    pub(super) const TIMED: [Self; 8] = [
        Self::Floor,
        Self::Stats,
        Self::WatchAll,
        Self::WatchUdp,
        Self::WatchNone,
        Self::Capture,
        Self::CaptureUdp,
        Self::CaptureNone,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Control => "nothing-again",
            Self::Floor => "floor",
            Self::Stats => "stats",
            Self::StatsClsact => "stats-clsact",
            Self::WatchSome => "watch-1/256",
            Self::WatchAll => "watch-1/1",
            Self::WatchUdp => "watch-udp",
            Self::WatchNone => "watch-none",
            Self::Capture => "capture",
            Self::CaptureUdp => "capture-udp",
            Self::CaptureNone => "capture-none",
            Self::Tcpdump => "tcpdump",
            Self::Dumpcap => "dumpcap",
            Self::Tshark => "tshark",
            Self::Bpftrace => "bpftrace",
        }
    }

    /// Those that take every frame are asked whether they keep up with the fastest load, and by it alone; those with a filter
    /// tell what it costs in the flood.
    pub(super) fn is_for(self, workload: Workload) -> bool {
        let is_filtered =
            matches!(self, Self::WatchUdp | Self::WatchNone | Self::CaptureUdp | Self::CaptureNone);
        match workload {
            Workload::Flood | Workload::Discard => true,
            Workload::Blast | Workload::Steady => {
                matches!(self, Self::WatchAll | Self::Capture | Self::Tcpdump)
            }
            Workload::PingPong | Workload::Bulk => !is_filtered && self != Self::Capture,
        }
    }

    /// Whether it says something of sampling, or is what sampling is compared with.
    pub(super) fn is_about_sampling(self) -> bool {
        !matches!(self, Self::StatsClsact | Self::Dumpcap | Self::Tshark | Self::Bpftrace)
    }

    /// The words of its filter.
    fn filter(self) -> &'static [&'static str] {
        match self {
            Self::WatchUdp | Self::CaptureUdp => &ALL,
            Self::WatchNone | Self::CaptureNone => &NONE,
            _ => &[],
        }
    }

    /// The program of somebody else that it takes, and the Debian package that brings it.
    fn program(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Tcpdump => Some(("tcpdump", "tcpdump")),
            Self::Dumpcap => Some(("dumpcap", "wireshark-common")),
            Self::Tshark => Some(("tshark", "tshark")),
            Self::Bpftrace => Some(("bpftrace", "bpftrace")),
            _ => None,
        }
    }

    /// Packages of the programs that are not there.
    pub(super) fn missing() -> Vec<&'static str> {
        let missing = |(program, package)| find(program).is_none().then_some(package);
        Self::OBSERVERS.iter().filter_map(|case| missing(case.program()?)).collect()
    }

    /// What can be measured here, and a sentence for each that cannot.
    pub(super) fn available() -> (Vec<Self>, Vec<String>) {
        let (mut cases, mut notes) = (Vec::new(), Vec::new());
        for case in Self::OBSERVERS {
            match case.program() {
                Some((program, _)) if find(program).is_none() => {
                    notes.push(format!("{program} is not installed: left out"));
                }
                _ => cases.push(case),
            }
        }
        (cases, notes)
    }
}

/// An observer at work. Dropping it takes it away.
#[derive(Debug)]
pub(super) enum Observer {
    Nobody,
    Programs { _links: Vec<OwnedFd>, _programs: [OwnedFd; 2] },
    Program(Case, Background),
    Counting(Background),
}

impl Observer {
    /// Returns once it sees every frame. Programs run on `cpu`, away from the load.
    pub(super) fn start(case: Case, lab: &Lab, binary: &Path, cpu: usize) -> Result<Self> {
        let [near, far] = &lab.names;
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", &cpu.to_string()]).stdout(Stdio::null());
        let pair = format!("netns:{near}/{NEAR}");
        match case {
            Case::Nothing | Case::Control => Ok(Self::Nobody),
            Case::Floor => Self::floor(lab),
            Case::Stats | Case::StatsClsact => {
                command.arg(binary).args(["stats", &pair, "--json"]).stdout(Stdio::piped());
                if case == Case::StatsClsact {
                    command.args(["--attach", "clsact"]);
                }
                Ok(Self::Counting(Background::start(&mut command, "observing ")?))
            }
            Case::WatchSome | Case::WatchAll | Case::WatchUdp | Case::WatchNone => {
                let rate = if case == Case::WatchSome { "1/256" } else { "1/1" };
                command.arg(binary).args(["watch", &pair, "--sample", rate]).args(case.filter());
                Ok(Self::Program(case, Background::start(&mut command, "observing ")?))
            }
            Case::Capture | Case::CaptureUdp | Case::CaptureNone => {
                command.arg(binary).args(["capture", &pair, "--snaplen", "96", "-w", "/dev/null", "--json"]);
                command.args(case.filter()).stdout(Stdio::piped());
                Ok(Self::Program(case, Background::start(&mut command, "observing ")?))
            }
            Case::Tcpdump => {
                command.args(["ip", "netns", "exec", far, "tcpdump", "-i", FAR]);
                command.args(["-s", "96", "-w", "/dev/null"]);
                Ok(Self::Program(case, Background::start(&mut command, "listening on")?))
            }
            Case::Dumpcap => {
                command.args(["ip", "netns", "exec", far, "dumpcap", "-i", FAR]);
                command.args(["-s", "96", "-w", "/dev/null"]);
                Ok(Self::Program(case, Background::start(&mut command, "File: ")?))
            }
            Case::Tshark => {
                command.args(["ip", "netns", "exec", far, "tshark", "-n", "-i", FAR, "-s", "96"]);
                command.args(["-T", "fields", "-e", "frame.time_epoch", "-e", "eth.src", "-e", "eth.dst"]);
                Ok(Self::Program(case, Background::start(&mut command, "Capturing on")?))
            }
            Case::Bpftrace => {
                command.args(["unshare", "--mount", "sh", "-c", RUN_BPFTRACE, BPFTRACE]);
                Ok(Self::Program(case, Background::start(&mut command, "ready")?))
            }
        }
    }

    fn floor(lab: &Lab) -> Result<Self> {
        let programs = [bpf::load_empty("vob_ingress")?, bpf::load_empty("vob_egress")?];
        let mut links = Vec::new();
        for at in 0..2 {
            let ifindex = lab.ifindex(at)?;
            let attach = || {
                let [ingress, egress] = &programs;
                Ok([
                    bpf::attach(ingress, ifindex, bpf::TCX_INGRESS)?,
                    bpf::attach(egress, ifindex, bpf::TCX_EGRESS)?,
                ])
            };
            links.extend(inside(&lab.names[at], attach)?);
        }
        Ok(Self::Programs { _links: links, _programs: programs })
    }

    /// What a process of its own has used so far; nothing where there is none.
    pub(super) fn usage(&self) -> Result<Usage> {
        match self {
            Self::Nobody | Self::Programs { .. } => Ok(Usage::default()),
            Self::Program(_, program) | Self::Counting(program) => Usage::of(program.pid()),
        }
    }

    /// The process that holds the programs; none where there are none.
    pub(super) fn pid(&self) -> Option<u32> {
        match self {
            Self::Nobody => None,
            Self::Programs { .. } => Some(std::process::id()),
            Self::Program(_, program) | Self::Counting(program) => Some(program.pid()),
        }
    }

    /// Ends it, and gives its account of the frames that it took; fails if it counted wrong.
    pub(super) fn stop(self, sent: &Sent) -> Result<Option<Account>> {
        match self {
            Self::Nobody | Self::Programs { .. } => Ok(None),
            Self::Program(case, program) => {
                let (status, told) = program.stop()?;
                ensure!(status.success(), "an observer failed: {status}: {}", told.errors.trim());
                Account::of(case, &told, sent)
            }
            Self::Counting(program) => {
                let (status, told) = program.stop()?;
                ensure!(status.success(), "stats failed: {status}");
                let printed = told.output.trim();
                let report: Value = serde_json::from_str(printed).context("stats printed no report")?;
                sent.check(&report).with_context(|| format!("stats counted wrong: {printed}"))?;
                Ok(None)
            }
        }
    }
}

/// What was sent, by those who know.
#[derive(Debug)]
pub(super) struct Sent {
    /// By the counters of the near and the far device.
    buffers: [Left; 2],
    /// Frames each way by the load, where it decides how many there are.
    frames: [Option<u64>; 2],
}

impl Sent {
    /// Fails when the load says otherwise than the device.
    pub(super) fn new(workload: Workload, run: &Run, buffers: [Left; 2]) -> Result<Self> {
        let frames = match workload {
            Workload::Flood | Workload::Discard | Workload::Blast | Workload::Steady => {
                [Some(run.units), Some(0)]
            }
            Workload::PingPong => [Some(run.units); 2],
            Workload::Bulk => [None; 2],
        };
        let this = Self { buffers, frames };
        for (at, frames) in frames.iter().enumerate() {
            if let Some(frames) = *frames {
                let left = this.left(at);
                ensure!(left == frames, "{left} buffers left end {at}, the load sent {frames} frames");
            }
        }
        Ok(this)
    }

    /// Buffers that left the end at `at`.
    pub(super) fn left(&self, at: usize) -> u64 {
        self.buffers[at].sent + self.buffers[at].dropped
    }

    /// Buffers that arrived there.
    pub(super) fn arrived(&self, at: usize) -> u64 {
        self.buffers[1 - at].sent
    }

    #[cfg(test)]
    pub(super) fn of(buffers: [Left; 2]) -> Self {
        Self { buffers, frames: [None; 2] }
    }

    fn check(&self, report: &Value) -> Result<()> {
        let directions = report["pairs"][0]["directions"].as_array().context("no directions")?;
        for (at, name) in [NEAR, FAR].iter().enumerate() {
            let direction =
                directions.iter().find(|direction| direction["from"] == **name).context("no such end")?;
            let number = |way: &str, what: &str| direction[way][what].as_u64().context("not a number");
            let (sent, received) = (number("sent", "frames")?, number("received", "frames")?);
            ensure!(sent == received, "from {name}: {sent} frames sent, {received} received");
            let buffers = number("sent", "skbs")?;
            let left = self.left(at);
            ensure!(buffers == left, "from {name}: {buffers} buffers sent, the device says {left}");
            if let Some(frames) = self.frames[at] {
                ensure!(sent == frames, "from {name}: {sent} frames sent, the sender says {frames}");
            }
        }
        Ok(())
    }
}
