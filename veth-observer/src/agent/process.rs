//! What the kernel says of our process, from `/proc` (proc(5)).

use std::fs;

use anyhow::{Context, Result};

use crate::model::snapshot::ProcessState;

/// As it is now. What cannot be read is 0.
pub fn state() -> ProcessState {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let boot = fs::read_to_string("/proc/stat").unwrap_or_default();
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let mut state = parse(&stat, &boot).unwrap_or_default();
    // One of them is the folder that is read.
    state.open_fds = fs::read_dir("/proc/self/fd").map_or(0, |files| files.count().saturating_sub(1) as u64);
    state.max_fds = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    state
}

#[expect(clippy::cast_precision_loss, reason = "ticks of a process stay far below 2^53")]
fn parse(stat: &str, boot: &str) -> Result<ProcessState> {
    // The name, in parentheses, may hold anything.
    let (_, after) = stat.rsplit_once(')').context("no name")?;
    // The first field after the name is the third of all.
    let fields: Vec<&str> = after.split_whitespace().collect();
    let field = |at: usize| -> Result<u64> { Ok(fields.get(at - 3).context("too short")?.parse::<u64>()?) };
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    let boot: u64 = boot
        .lines()
        .find_map(|line| line.strip_prefix("btime "))
        .and_then(|seconds| seconds.parse().ok())
        .unwrap_or_default();
    Ok(ProcessState {
        cpu_seconds: (field(14)? + field(15)?) as f64 / ticks,
        system_seconds: field(15)? as f64 / ticks,
        threads: field(20)?,
        start_unix_seconds: boot as f64 + field(22)? as f64 / ticks,
        virtual_bytes: field(23)?,
        resident_bytes: field(24)? * rustix::param::page_size() as u64,
        ..ProcessState::default()
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_this_process() {
        let state = super::state();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        assert!(state.start_unix_seconds > now - 3600.0 && state.start_unix_seconds < now + 1.0, "{state:?}");
        assert!(state.resident_bytes > 1 << 20 && state.virtual_bytes > state.resident_bytes, "{state:?}");
        assert!(state.open_fds >= 3 && state.threads >= 1 && state.max_fds > Some(3), "{state:?}");
    }

    #[test]
    fn a_name_with_parentheses_hides_nothing() {
        let stat =
            "7 (a) b (c)) S 1 1 1 0 -1 4194560 1 0 0 0 200 100 0 0 20 0 9 0 500 4096 3 18446744073709551615";
        let state = super::parse(stat, "btime 1000\n").unwrap();
        assert_eq!((state.threads, state.virtual_bytes), (9, 4096));
        assert!((state.cpu_seconds - 3.0).abs() < 1e-9 && (state.system_seconds - 1.0).abs() < 1e-9);
        assert!((state.start_unix_seconds - 1005.0).abs() < 1e-9);
        assert!(super::parse("", "").is_err());
    }
}
