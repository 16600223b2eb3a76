//! A machine in a directory.

use std::{
    fs,
    os::unix::fs::symlink,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use super::{
    super::{Owners, processes::Processes},
    one,
};
use crate::model::link::Owner;

/// A machine of files, gone with the value.
pub(super) struct Machine(pub(super) PathBuf);

impl Machine {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let at = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("vo-machine-{}-{at}", std::process::id()));
        fs::create_dir_all(path.join("root/proc")).unwrap();
        let machine = Self(path);
        machine.process(1, 0, "/init.scope", &["/sbin/init"]);
        machine
    }

    /// A process that sees the machine's files.
    pub(super) fn process(&self, pid: u32, parent: u32, cgroup: &str, arguments: &[&str]) {
        let process = self.0.join(format!("proc/{pid}"));
        fs::create_dir_all(&process).unwrap();
        let comm: String = arguments[0].rsplit('/').next().unwrap().chars().take(15).collect();
        fs::write(process.join("stat"), format!("{pid} ({comm}) S {parent} 1 1 0 -1 4194560")).unwrap();
        fs::write(process.join("comm"), format!("{comm}\n")).unwrap();
        fs::write(process.join("cgroup"), format!("0::{cgroup}\n")).unwrap();
        fs::write(process.join("cmdline"), arguments.join("\0") + "\0").unwrap();
        let _ = symlink("../../root", process.join("root"));
    }

    pub(super) fn works_in(&self, pid: u32, directory: &str) {
        symlink(directory, self.0.join(format!("proc/{pid}/cwd"))).unwrap();
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.0.join("root").join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // As runtimes do it: a new file in place of the old one.
        let fresh = path.with_extension("new");
        fs::write(&fresh, text).unwrap();
        fs::rename(fresh, path).unwrap();
    }

    pub(super) fn remove(&self, path: &str) {
        fs::remove_file(self.0.join("root").join(path.trim_start_matches('/'))).unwrap();
    }

    pub(super) fn owners(&self) -> Owners {
        Owners { processes: Processes(self.0.join("proc")), ..Owners::default() }
    }

    /// The owner of a namespace with these processes.
    pub(super) fn owner(&self, pids: &[u32]) -> Owner {
        one(&mut self.owners(), pids).expect("an owner")
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
