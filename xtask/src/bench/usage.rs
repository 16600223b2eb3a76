//! What the process of an observer uses itself, with its children.

use std::fs;

use anyhow::{Context as _, Result};

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    /// Time on a CPU of all threads that still live.
    pub(super) cpu_ns: u64,
    pub(super) rss_kib: u64,
}

impl Usage {
    pub(super) fn of(pid: u32) -> Result<Self> {
        let mut usage = Self::default();
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            let task = task?.path();
            // A thread may have ended by now.
            let Ok(time) = fs::read_to_string(task.join("schedstat")) else { continue };
            usage.cpu_ns += time.split(' ').next().context("schedstat is empty")?.parse::<u64>()?;
            for child in fs::read_to_string(task.join("children"))?.split_whitespace() {
                let Self { cpu_ns, rss_kib } = Self::of(child.parse()?)?;
                usage.cpu_ns += cpu_ns;
                usage.rss_kib += rss_kib;
            }
        }
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB"));
        usage.rss_kib += rss.context("a process without memory")?.trim().parse::<u64>()?;
        Ok(usage)
    }
}
