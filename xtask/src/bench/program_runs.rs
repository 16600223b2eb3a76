//! Nanoseconds per run of each program, by the kernel's own BPF statistics.

use std::{collections::BTreeSet, fs, process::Command};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::command::read;

#[derive(Debug)]
pub(super) struct ProgramRun {
    pub(super) name: String,
    pub(super) runs: u64,
    pub(super) ns_per_run: f64,
}

/// The programs that a process holds by themselves or by links, and that ran: others may observe at the same time.
pub(super) fn of(pid: u32) -> Result<Vec<ProgramRun>> {
    let mut ids = BTreeSet::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fdinfo"))? {
        // A descriptor may be gone by now.
        let Ok(text) = fs::read_to_string(entry?.path()) else { continue };
        ids.extend(text.lines().filter_map(|line| line.strip_prefix("prog_id:\t")?.parse::<u32>().ok()));
    }
    let runs: Vec<Option<ProgramRun>> = ids.into_iter().map(run).collect::<Result<_>>()?;
    Ok(runs.into_iter().flatten().collect())
}

/// None when it never ran.
fn run(id: u32) -> Result<Option<ProgramRun>> {
    let shown = read(Command::new("bpftool").args(["-j", "prog", "show", "id", &id.to_string()]))?;
    let program: Value = serde_json::from_str(&shown)?;
    let (Some(ns), Some(runs)) = (program["run_time_ns"].as_f64(), program["run_cnt"].as_u64()) else {
        return Ok(None);
    };
    let name = program["name"].as_str().context("a program without a name")?.to_owned();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let ns_per_run = ns / runs as f64;
    Ok((runs > 0).then_some(ProgramRun { name, runs, ns_per_run }))
}
