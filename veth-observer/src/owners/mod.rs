//! Who lives in a namespace: containers and pods, from cgroups and from the runtimes' own files, without asking a runtime.
//!
//! * [`cgroup`]: the container of a process, from the path of its cgroup.
//! * [`monitor`]: the process that its runtime left beside it, which knows where the files are.
//! * [`record`]: names from these files, each parsed by a room of its own: [`details`] (OCI bundles), [`docker`],
//!   [`podman`], [`kubernetes`].
//! * [`choose`]: who of those in one namespace is its owner.
//!
//! Files that are missing, unreadable, huge or full of rubbish leave the owner with less; nothing here fails or waits.

mod cgroup;
mod choose;
mod details;
mod docker;
mod files;
mod kubernetes;
mod monitor;
mod podman;
mod processes;
mod record;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use crate::model::link::{Netns, Owner};
use cgroup::Trace;
use choose::Tenant;
use processes::Processes;
use record::{Record, Records};

/// A namespace that was found, by what identifies it as long as it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Home {
    Cookie(u64),
    Inode(u64),
    /// One that cannot be opened, by its lowest process.
    Process(u32),
}

impl Home {
    pub fn new(netns: &Netns, tenants: &[u32]) -> Option<Self> {
        let cookie = netns.cookie.map(Self::Cookie);
        cookie.or(netns.inode.map(Self::Inode)).or(tenants.first().copied().map(Self::Process))
    }
}

/// Finds owners, and remembers what it found: of a container that is still there only the file of its name is looked at
/// again, and read only when it changed.
#[derive(Debug, Default)]
pub struct Owners {
    processes: Processes,
    traces: HashMap<(Home, u32), Option<Trace>>,
    records: Records,
}

impl Owners {
    /// The owner of each of these namespaces, of which the processes are known. Those of an earlier call that are not
    /// among them are forgotten.
    pub fn of(&mut self, homes: &[(Home, &[u32])]) -> Vec<Option<Owner>> {
        let mut known = std::mem::take(&mut self.traces);
        for (home, tenants) in homes {
            for (at, &pid) in tenants.iter().enumerate() {
                let trace = known.remove(&(*home, pid)).unwrap_or_else(|| self.trace(pid, at == 0));
                self.traces.insert((*home, pid), trace);
            }
        }
        self.records.begin();
        let owners = homes.iter().map(|(home, tenants)| self.owner(*home, tenants)).collect();
        self.records.forget_others();
        owners
    }

    fn owner(&mut self, home: Home, pids: &[u32]) -> Option<Owner> {
        // By their ids, each with its lowest process.
        let mut containers: BTreeMap<String, (Trace, u32)> = BTreeMap::new();
        for &pid in pids {
            if let Some(Some(trace)) = self.traces.get(&(home, pid)) {
                containers.entry(trace.id.clone()).or_insert_with(|| (trace.clone(), pid));
            }
        }
        let records: Vec<(&Trace, u32, Record)> = containers
            .values()
            .map(|(trace, pid)| (trace, *pid, self.records.of(&self.processes, trace, *pid)))
            .collect();
        let tenants: Vec<Tenant<'_>> = records
            .iter()
            .map(|(trace, pid, record)| Tenant { details: &record.details, pid: *pid, depth: trace.depth })
            .collect();
        choose::owner(&tenants)
    }

    /// The container of a process. Where its cgroup does not tell, the first process of a namespace may tell by its monitor.
    fn trace(&self, pid: u32, is_first: bool) -> Option<Trace> {
        let marked = cgroup::container(&self.processes.cgroup(pid)?);
        marked.or_else(|| if is_first { record::unmarked(&self.processes, pid) } else { None })
    }
}
