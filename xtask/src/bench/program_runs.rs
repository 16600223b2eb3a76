//! Nanoseconds per run of each program, by the kernel's own BPF statistics.

use std::{collections::BTreeMap, fs, process::Command};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::command::read;

#[derive(Debug)]
pub(super) struct ProgramRun {
    pub(super) name: String,
    pub(super) runs: u64,
    pub(super) ns_per_run: f64,
}

/// The programs that a process holds and that ran, from its descriptors: others may observe at the same time.
pub(super) fn of(pid: u32) -> Result<Vec<ProgramRun>> {
    let mut programs = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fdinfo"))? {
        // A descriptor may be gone by now.
        let Ok(text) = fs::read_to_string(entry?.path()) else { continue };
        let field = |name: &str| -> Option<u64> {
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t")?.parse().ok())
        };
        // Links show the id of their program too, but no runs.
        if let (Some(id), Some(ns), Some(runs)) = (field("prog_id"), field("run_time_ns"), field("run_cnt"))
            && runs > 0
        {
            programs.insert(id, (ns, runs));
        }
    }
    let read = |(id, (ns, runs)): (u64, (u64, u64))| {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let ns_per_run = ns as f64 / runs as f64;
        Ok(ProgramRun { name: name(id)?, runs, ns_per_run })
    };
    programs.into_iter().map(read).collect()
}

fn name(id: u64) -> Result<String> {
    let shown = read(Command::new("bpftool").args(["-j", "prog", "show", "id", &id.to_string()]))?;
    let program: Value = serde_json::from_str(&shown)?;
    Ok(program["name"].as_str().context("a program without a name")?.to_owned())
}
