//! Where and when a measurement was made.

use std::{fs, path::Path, process::Command};

use anyhow::Result;

use crate::command::read;

#[derive(Debug)]
pub(super) struct Machine {
    pub(super) kernel: String,
    pub(super) cpu: String,
    pub(super) cpus: usize,
    /// UTC.
    pub(super) date: String,
    pub(super) time: String,
    /// Version of the observer and the hash of its kernel programs.
    pub(super) version: String,
    pub(super) commit: String,
}

impl Machine {
    pub(super) fn here(binary: &Path, root: &Path) -> Result<Self> {
        let info = fs::read_to_string("/proc/cpuinfo")?;
        let cpu = ["model name", "CPU implementer"]
            .iter()
            .find_map(|key| info.lines().find(|line| line.starts_with(key))?.split(": ").nth(1))
            .unwrap_or(std::env::consts::ARCH);
        let git = |arguments: &[&str]| read(Command::new("git").current_dir(root).args(arguments));
        let changed =
            git(&["status", "--porcelain", "--", "veth-observer*"]).is_ok_and(|text| !text.is_empty());
        let commit = git(&["rev-parse", "--short", "HEAD"]).unwrap_or_else(|_| "unknown".into());
        Ok(Self {
            kernel: read(Command::new("uname").arg("-r"))?,
            cpu: cpu.to_owned(),
            cpus: std::thread::available_parallelism()?.get(),
            date: read(Command::new("date").args(["-u", "+%F"]))?,
            time: read(Command::new("date").args(["-u", "+%H:%M"]))?,
            version: read(Command::new(binary).arg("--version"))?,
            commit: if changed { format!("{commit}, changed") } else { commit },
        })
    }

    /// Day, kernel and processor.
    pub(super) fn heading(&self) -> String {
        format!("{}, Linux {}, {}", self.date, self.kernel, self.cpu)
    }

    /// What was measured, when, and by which section of the benchmark.
    pub(super) fn provenance(&self, section: &str) -> String {
        let Self { cpus, time, version, commit, .. } = self;
        format!(
            "{version}, commit {commit}. {cpus} CPUs. Began {time} UTC. Written by `cargo xtask bench --only {section}`; \
             how to read it: [README](../README.md)."
        )
    }

    /// Name of the folder for the results of this day and machine.
    pub(super) fn folder(&self) -> String {
        let slug = |text: &str| -> String {
            let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.');
            words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-").to_lowercase()
        };
        format!("{}-{}-{}", self.date, slug(&self.kernel), slug(&self.cpu))
    }
}
