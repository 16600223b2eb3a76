//! Processes as /proc shows them.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use super::files::Tree;

/// Of a command line: conmon's is about two thousand bytes.
const MOST_BYTES: u64 = 64 << 10;

/// Where processes are seen: /proc.
#[derive(Debug, Clone)]
pub(super) struct Processes(pub(super) PathBuf);

impl Default for Processes {
    fn default() -> Self {
        Self(PathBuf::from("/proc"))
    }
}

impl Processes {
    fn of(&self, pid: u32, name: &str) -> PathBuf {
        self.0.join(format!("{pid}/{name}"))
    }

    pub(super) fn cgroup(&self, pid: u32) -> Option<String> {
        fs::read_to_string(self.of(pid, "cgroup")).ok()
    }

    /// The short name. Unlike the command line, it never has to wait for the process.
    pub(super) fn comm(&self, pid: u32) -> Option<String> {
        fs::read_to_string(self.of(pid, "comm")).ok()
    }

    pub(super) fn arguments(&self, pid: u32) -> Option<Vec<String>> {
        let mut bytes = Vec::new();
        File::open(self.of(pid, "cmdline")).ok()?.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
        Some(bytes.split(|&byte| byte == 0).map(|part| String::from_utf8_lossy(part).into_owned()).collect())
    }

    /// The fourth field of proc_pid_stat(5); the second is in parentheses and may contain anything.
    pub(super) fn parent(&self, pid: u32) -> Option<u32> {
        let stat = fs::read_to_string(self.of(pid, "stat")).ok()?;
        let parent = stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()?;
        (parent > 0).then_some(parent)
    }

    pub(super) fn directory(&self, pid: u32) -> Option<PathBuf> {
        fs::read_link(self.of(pid, "cwd")).ok()
    }

    /// The files as a process sees them; none when we may not look, or it is gone.
    pub(super) fn tree(&self, pid: u32) -> Option<Tree> {
        Tree::at(&self.of(pid, "root"))
    }

    /// The machine's files: those of its first process, also when we are in a container, or ours where we may not see them.
    pub(super) fn machine(&self) -> Option<Tree> {
        self.tree(1).filter(Tree::is_open_to_us).or_else(|| Tree::at(Path::new("/")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_of_this_process_is_found() {
        let processes = Processes::default();
        let own = std::process::id();
        assert_eq!(processes.parent(own), Some(std::os::unix::process::parent_id()));
        assert_eq!(processes.directory(own), std::env::current_dir().ok());
        assert!(processes.comm(own).is_some() && processes.cgroup(own).is_some());
        assert!(processes.arguments(own).is_some_and(|arguments| !arguments[0].is_empty()));
        assert_eq!(processes.parent(u32::MAX), None);
    }
}
