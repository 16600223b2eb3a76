//! A quiet pair between two namespaces of our own, and programs that end with their value.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::{
    process::{Pid, Signal, kill_process},
    thread::{LinkNameSpaceType, move_into_link_name_space},
};
use serde_json::Value;

use crate::command::read;

pub(super) const NEAR: &str = "va";
pub(super) const FAR: &str = "vb";
pub(super) const NEAR_IP: &str = "10.77.0.1";
pub(super) const FAR_IP: &str = "10.77.0.2";

const MACS: [&str; 2] = ["02:00:00:00:00:0a", "02:00:00:00:00:0b"];

/// The namespaces of the near and of the far end, deleted with the value.
#[derive(Debug)]
pub(super) struct Lab {
    pub(super) names: [String; 2],
}

impl Lab {
    /// Static neighbours and no IPv6: nothing passes but what the load sends.
    pub(super) fn new() -> Result<Self> {
        let lab = Self { names: ["near", "far"].map(|end| format!("vob-{}-{end}", std::process::id())) };
        for name in &lab.names {
            ip(&["netns", "add", name])?;
            for scope in ["all", "default"] {
                let setting = format!("net.ipv6.conf.{scope}.disable_ipv6=1");
                ip(&["netns", "exec", name, "sysctl", "-q", "-w", &setting])?;
            }
        }
        let [near, far] = &lab.names;
        ip(&[
            "-n", near, "link", "add", NEAR, "address", MACS[0], "type", "veth", //
            "peer", "name", FAR, "netns", far, "address", MACS[1],
        ])?;
        for (at, device, own, other) in [(0, NEAR, NEAR_IP, FAR_IP), (1, FAR, FAR_IP, NEAR_IP)] {
            let name = &lab.names[at];
            ip(&["-n", name, "address", "add", &format!("{own}/24"), "dev", device])?;
            ip(&["-n", name, "link", "set", device, "up"])?;
            let mac = MACS[1 - at];
            ip(&[
                "-n",
                name,
                "neighbor",
                "replace",
                other,
                "lladdr",
                mac,
                "nud",
                "permanent",
                "dev",
                device,
            ])?;
        }
        let deadline = Instant::now() + Duration::from_secs(5);
        while lab.device(0)?["operstate"] != "UP" || lab.device(1)?["operstate"] != "UP" {
            ensure!(Instant::now() < deadline, "the pair does not come up");
            thread::sleep(Duration::from_millis(10));
        }
        Ok(lab)
    }

    /// What `ip` knows of the device at `at`.
    fn device(&self, at: usize) -> Result<Value> {
        let text = ip(&["-j", "-s", "-n", &self.names[at], "link", "show", [NEAR, FAR][at]])?;
        Ok(serde_json::from_str::<Value>(&text)?[0].take())
    }

    pub(super) fn ifindex(&self, at: usize) -> Result<u32> {
        let index = self.device(at)?["ifindex"].as_u64().context("ip shows no ifindex")?;
        Ok(u32::try_from(index)?)
    }

    /// What the device at `at` has sent by its own count.
    pub(super) fn left(&self, at: usize) -> Result<Left> {
        let device = self.device(at)?;
        let number = |what: &str| device["stats64"]["tx"][what].as_u64().context("ip shows no counters");
        Ok(Left { sent: number("packets")?, dropped: number("dropped")? })
    }
}

/// Buffers that left an end, behind its egress programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Left {
    /// Those that arrived at the other.
    pub(super) sent: u64,
    /// Those that found no room there.
    pub(super) dropped: u64,
}

impl Left {
    pub(super) fn since(self, before: Self) -> Self {
        Self { sent: self.sent - before.sent, dropped: self.dropped - before.dropped }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = Command::new("ip").args(["netns", "del", name]).stderr(Stdio::null()).status();
        }
    }
}

/// Runs work on a thread of its own inside a namespace, since a thread that has entered one stays there.
pub(super) fn inside<T: Send>(namespace: &str, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let file = File::open(format!("/run/netns/{namespace}"))
        .with_context(|| format!("there is no namespace {namespace}"))?;
    thread::scope(|scope| {
        let thread = scope.spawn(move || {
            move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), Some(LinkNameSpaceType::Network))?;
            work()
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// How long a program may take to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program that observes; killed with the value.
#[derive(Debug)]
pub(super) struct Background {
    child: Child,
    errors: Option<JoinHandle<std::io::Result<String>>>,
}

/// What a program printed.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) output: String,
    /// After it was ready.
    pub(super) errors: String,
}

impl Background {
    /// Starts it, and returns once a line with `ready` came on its standard error.
    pub(super) fn start(command: &mut Command, ready: &str) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.stderr(Stdio::piped()).spawn().with_context(|| format!("cannot run {name}"))?;
        let mut this = Self { child, errors: None };
        let mut lines = BufReader::new(this.child.stderr.take().context("no standard error")?);
        let mut said = String::new();
        loop {
            let start = said.len();
            if lines.read_line(&mut said)? == 0 {
                bail!("{name} ended before it was ready: {}", said.trim());
            }
            if said[start..].contains(ready) {
                break;
            }
        }
        // A full pipe must not stop it.
        this.errors = Some(thread::spawn(move || text(lines)));
        Ok(this)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as Ctrl-C does, and gives what it printed.
    pub(super) fn stop(mut self) -> Result<(ExitStatus, Told)> {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).context("no process id")?;
        kill_process(pid, Signal::INT)?;
        let output = self.child.stdout.take().map(|output| thread::spawn(move || text(output)));
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            ensure!(Instant::now() < deadline, "it does not end within {PATIENCE:?} of Ctrl-C");
            thread::sleep(Duration::from_millis(1));
        };
        Ok((status, Told { output: joined(output)?, errors: joined(self.errors.take())? }))
    }
}

fn text(mut from: impl Read) -> std::io::Result<String> {
    let mut text = String::new();
    from.read_to_string(&mut text)?;
    Ok(text)
}

fn joined(reader: Option<JoinHandle<std::io::Result<String>>>) -> Result<String> {
    let Some(reader) = reader else { return Ok(String::new()) };
    Ok(reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?)
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn ip(arguments: &[&str]) -> Result<String> {
    read(Command::new("ip").args(arguments))
}
