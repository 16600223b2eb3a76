//! From a container's id to what its runtime's files say.

use std::{collections::HashMap, sync::Arc};

use super::{
    cgroup::{self, Trace},
    details::{Bundle, Details, json, text},
    docker,
    files::{Stamp, Tree},
    kubernetes::Logs,
    monitor::{self, Monitor},
    podman::{self, Names},
    processes::Processes,
};
use crate::model::link::short;

/// A container and where its name was found.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) details: Arc<Details>,
    source: Option<Source>,
    /// How often it was read.
    attempts: u8,
}

/// The one file in which a container may be renamed.
#[derive(Debug, Clone)]
struct Source {
    view: View,
    path: String,
    stamp: Stamp,
}

/// Whose view of the files a path is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    Process(u32),
    Machine,
}

impl View {
    fn tree(self, processes: &Processes) -> Option<Tree> {
        match self {
            Self::Process(pid) => processes.tree(pid),
            Self::Machine => processes.machine(),
        }
    }
}

/// Runtime and id: the ids of some are names.
type Key = (Option<&'static str>, String);

/// All containers that were asked for, and what they share.
#[derive(Debug, Default)]
pub(super) struct Records {
    known: HashMap<Key, Record>,
    /// Of the look before, not asked for yet.
    before: HashMap<Key, Record>,
    /// Contents of the files that name many.
    names: HashMap<Stamp, Arc<Names>>,
    /// Read at most once a look.
    logs: Option<Logs>,
}

/// Where Docker, Podman and CRI-O, and containerd keep their containers unless told otherwise.
const DOCKER: &str = "/var/lib/docker/containers";
const STORES: [&str; 2] =
    ["/var/lib/containers/storage/overlay-containers", "/var/lib/containers/storage/vfs-containers"];
const TASKS: [&str; 4] = [
    "/run/containerd/io.containerd.runtime.v2.task/k8s.io",
    "/run/containerd/io.containerd.runtime.v2.task/moby",
    "/run/containerd/io.containerd.runtime.v2.task/default",
    "/run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io",
];

/// A name that is written later than the container is started is waited for that many looks.
const ATTEMPTS: u8 = 5;

impl Records {
    /// Begins a look.
    pub(super) fn begin(&mut self) {
        self.before = std::mem::take(&mut self.known);
        self.logs = None;
    }

    /// Ends it: what was not asked for is gone.
    pub(super) fn forget_others(&mut self) {
        self.before.clear();
        let stamp = |record: &Record| Some(record.source.as_ref()?.stamp);
        let used: Vec<Stamp> = self.known.values().filter_map(stamp).collect();
        self.names.retain(|stamp, _| used.contains(stamp));
    }

    /// What is known of a container with the process `pid`.
    pub(super) fn of(&mut self, processes: &Processes, trace: &Trace, pid: u32) -> Record {
        let key = (trace.runtime, trace.id.clone());
        if let Some(record) = self.known.get(&key) {
            return record.clone();
        }
        let record = match self.before.remove(&key) {
            Some(record) if record.is_good(processes) => record,
            before => {
                let attempts = before.map_or(0, |record| record.attempts).saturating_add(1);
                let (details, source) = self.read(processes, trace, pid);
                Record { details: Arc::new(details), source, attempts }
            }
        };
        self.known.insert(key, record.clone());
        record
    }

    fn read(&mut self, processes: &Processes, trace: &Trace, pid: u32) -> (Details, Option<Source>) {
        let mut details = Details { runtime: trace.runtime, id: trace.id.clone(), ..Details::default() };
        if matches!(details.runtime, Some("lxc" | "systemd-nspawn")) {
            details.name = text(&details.id);
            return (details, None);
        }
        let monitor = monitor::above(processes, pid, Some(&trace.id));
        let bundle = find_bundle(processes, &trace.id, monitor.as_ref());
        if let Some((_, bundle)) = &bundle {
            details.annotate(bundle);
        }
        let said = monitor.as_ref().and_then(|monitor| monitor.said.runtime);
        details.runtime = details.runtime.or(said);
        let found = Found { processes, monitor, bundle };
        let source = match details.runtime {
            Some("podman") => self.podman(&mut details, &found, trace.pod.as_deref()),
            None | Some("docker") => found.docker(&mut details),
            // CRI-O names everything in the bundle, and so does containerd for Kubernetes.
            _ => None,
        };
        if let Some(uid) = trace.pod.as_deref().filter(|_| details.runtime != Some("podman"))
            && (details.pod.is_none() || details.name.is_none())
        {
            let list = || processes.machine().map_or_else(Logs::default, |tree| Logs::list(&tree));
            self.logs.get_or_insert_with(list).tell(&mut details, uid);
        }
        if details.name.is_none() && !details.is_sandbox && !cgroup::is_id(&details.id) {
            // Where people choose the id, it is the name.
            details.name = text(&details.id);
        }
        (details, source)
    }

    fn podman(&mut self, details: &mut Details, found: &Found<'_>, pod: Option<&str>) -> Option<Source> {
        let source = found.stores().into_iter().find_map(|(view, path)| {
            let tree = view.tree(found.processes)?;
            let stamp = tree.stamp(&path)?;
            let names = match self.names.get(&stamp) {
                Some(names) => names.clone(),
                None => Arc::new(podman::names(&tree.read(&path)?.1)),
            };
            self.names.insert(stamp, names.clone());
            let entry = names.get(&details.id)?;
            details.name.clone_from(&entry.name);
            details.image.clone_from(&entry.image);
            Some(Source { view, path, stamp })
        });
        if let (Some(pod), Some(name)) = (pod, &details.name)
            && podman::is_infra(name, pod)
        {
            details.is_sandbox = true;
            // Podman tells the pod's name to its database and, unless another was asked for, as its host name.
            let hostname = found.bundle.as_ref().and_then(|(_, bundle)| bundle.hostname());
            details.pod = hostname.or_else(|| Some(short(pod).to_owned()));
        }
        source
    }
}

impl Record {
    fn is_good(&self, processes: &Processes) -> bool {
        if let Some(Source { view, path, stamp }) = &self.source {
            return view.tree(processes).and_then(|tree| tree.stamp(path)) == Some(*stamp);
        }
        self.details.name.is_some() || self.details.pod.is_some() || self.attempts >= ATTEMPTS
    }
}

/// What was found of a container before its name.
struct Found<'a> {
    processes: &'a Processes,
    monitor: Option<Monitor>,
    /// And the directory that it is in.
    bundle: Option<(String, Bundle)>,
}

impl Found<'_> {
    fn view(&self) -> Option<View> {
        Some(View::Process(self.monitor.as_ref()?.pid))
    }

    /// The files that may name a container of Podman's.
    fn stores(&self) -> Vec<(View, String)> {
        let run = self.monitor.as_ref().and_then(|monitor| monitor.said.run.as_deref());
        let bundle = self.bundle.as_ref().map(|(path, _)| podman::files(path, run)).unwrap_or_default();
        let view = self.view().unwrap_or(View::Machine);
        let usual = STORES.iter().map(|store| (View::Machine, format!("{store}/containers.json")));
        bundle.into_iter().map(|path| (view, path)).chain(usual).collect()
    }

    fn docker(&self, details: &mut Details) -> Option<Source> {
        let home = self.bundle.as_ref().and_then(|(_, bundle)| bundle.docker_home());
        let (view, machine) = (self.view(), View::Machine);
        let places = [view.zip(home), view.map(|view| (view, DOCKER)), Some((machine, DOCKER))];
        places.into_iter().flatten().find_map(|(view, home)| {
            let path = format!("{home}/{}/config.v2.json", details.id);
            let (stamp, bytes) = view.tree(self.processes)?.read(&path)?;
            docker::tell(details, &bytes);
            Some(Source { view, path, stamp })
        })
    }
}

/// The configuration that a container was started with, and the directory it is in.
fn find_bundle(processes: &Processes, id: &str, monitor: Option<&Monitor>) -> Option<(String, Bundle)> {
    let read = |view: View, directory: String| {
        let (_, bytes) = view.tree(processes)?.read(&format!("{directory}/config.json"))?;
        Some((directory, json::<Bundle>(&bytes)?))
    };
    let beside = |monitor: &Monitor| {
        // A shim works in the bundle of the container that it was started for, and the others of a pod are beside it.
        Some(processes.directory(monitor.pid)?.parent()?.join(id).to_str()?.to_owned())
    };
    let named = monitor.and_then(|monitor| {
        let directory = monitor.said.bundle.clone().or_else(|| beside(monitor))?;
        read(View::Process(monitor.pid), directory)
    });
    let stores = STORES.iter().map(|store| format!("{store}/{id}/userdata"));
    let tasks = TASKS.iter().map(|tasks| format!("{tasks}/{id}"));
    named.or_else(|| tasks.chain(stores).find_map(|directory| read(View::Machine, directory)))
}

/// The container of a process of which the cgroup does not tell it: those of `ctr` and `runc`, where an id may be any word.
pub(super) fn unmarked(processes: &Processes, pid: u32) -> Option<Trace> {
    let named = |runtime, id| Some(Trace { runtime, id, pod: None, depth: 1 });
    if let Some(Monitor { said, .. }) = monitor::above(processes, pid, None) {
        return named(said.runtime, text(&said.id?)?);
    }
    let cgroups = processes.cgroup(pid)?;
    let id = text(cgroup::paths(&cgroups).next()?.rsplit('/').next()?)?;
    processes.machine()?.stamp(&format!("/run/runc/{id}/state.json"))?;
    named(Some("runc"), id)
}
