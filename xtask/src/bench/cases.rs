//! Who observes while the load runs, and whether what it counted is true.

use std::{
    os::fd::OwnedFd,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{
    bpf,
    lab::{Background, FAR, Lab, NEAR, inside},
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
    Watch,
    Tcpdump,
}

impl Case {
    const OBSERVERS: [Self; 5] = [Self::Control, Self::Floor, Self::Stats, Self::Watch, Self::Tcpdump];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Control => "nothing-again",
            Self::Floor => "floor",
            Self::Stats => "stats",
            Self::Watch => "watch-1/256",
            Self::Tcpdump => "tcpdump",
        }
    }

    /// What can be measured here, and a sentence for each that cannot.
    pub(super) fn available() -> (Vec<Self>, Vec<String>) {
        let (mut cases, mut notes) = (Self::OBSERVERS.to_vec(), Vec::new());
        if find("tcpdump").is_none() {
            cases.retain(|case| *case != Self::Tcpdump);
            notes.push("tcpdump is not installed: left out".to_owned());
        }
        (cases, notes)
    }
}

/// An observer at work. Dropping it takes it away.
#[derive(Debug)]
pub(super) enum Observer {
    Nobody,
    Programs { _links: Vec<OwnedFd>, _programs: [OwnedFd; 2] },
    Program(Background),
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
            Case::Stats => {
                command.arg(binary).args(["stats", &pair, "--json"]).stdout(Stdio::piped());
                Ok(Self::Counting(Background::start(&mut command, "observing ")?))
            }
            Case::Watch => {
                command.arg(binary).args(["watch", &pair, "--sample", "1/256"]);
                Ok(Self::Program(Background::start(&mut command, "observing ")?))
            }
            Case::Tcpdump => {
                command.args(["ip", "netns", "exec", far, "tcpdump", "-i", FAR]);
                command.args(["-s", "96", "-w", "/dev/null"]);
                Ok(Self::Program(Background::start(&mut command, "listening on")?))
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

    /// The process that holds the programs; none where there are none.
    pub(super) fn pid(&self) -> Option<u32> {
        match self {
            Self::Nobody => None,
            Self::Programs { .. } => Some(std::process::id()),
            Self::Program(program) | Self::Counting(program) => Some(program.pid()),
        }
    }

    /// Ends it, and fails if it counted wrong.
    pub(super) fn stop(self, sent: &Sent) -> Result<()> {
        match self {
            Self::Nobody | Self::Programs { .. } => Ok(()),
            Self::Program(program) => {
                let (status, _) = program.stop()?;
                ensure!(status.success(), "an observer failed: {status}");
                Ok(())
            }
            Self::Counting(program) => {
                let (status, printed) = program.stop()?;
                ensure!(status.success(), "stats failed: {status}");
                let report: Value = serde_json::from_str(&printed).context("stats printed no report")?;
                sent.check(&report).with_context(|| format!("stats counted wrong: {}", printed.trim()))
            }
        }
    }
}

/// What was sent, by those who know.
#[derive(Debug)]
pub(super) struct Sent {
    /// Buffers by the counters of the near and the far device.
    pub(super) buffers: [u64; 2],
    /// Frames each way by the load, where it decides how many there are.
    frames: [Option<u64>; 2],
}

impl Sent {
    pub(super) fn new(workload: Workload, run: &Run, buffers: [u64; 2]) -> Self {
        let frames = match workload {
            Workload::Flood => [Some(run.units), Some(0)],
            Workload::PingPong => [Some(run.units); 2],
            Workload::Bulk => [None; 2],
        };
        Self { buffers, frames }
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
            ensure!(
                buffers == self.buffers[at],
                "from {name}: {buffers} buffers sent, the device says {}",
                self.buffers[at]
            );
            if let Some(frames) = self.frames[at] {
                ensure!(sent == frames, "from {name}: {sent} frames sent, the sender says {frames}");
            }
        }
        Ok(())
    }
}
