//! All namespaces that something on this machine holds: processes, their threads, mounts and open files.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    os::linux::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::process::{Resource, getrlimit, setrlimit};

use super::{HOST, Key, Namespace, enter, lookup};

/// What a look around found.
#[derive(Debug, Default)]
pub struct Scan {
    /// The caller's own first, then `host`, then by name.
    pub namespaces: Vec<Namespace>,
    /// Namespaces of processes that we may not look into.
    pub hidden: Vec<Hidden>,
    tenants: HashMap<Key, Vec<u32>>,
    own: Option<Key>,
}

/// A namespace that cannot be opened, known by its processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hidden {
    pub name: String,
    /// At least one, rising, at most [`TENANTS`].
    pub tenants: Vec<u32>,
}

/// How many processes of a namespace are remembered, the lowest. Those of its containers that run longest are among them.
pub const TENANTS: usize = 64;

impl Scan {
    /// The processes that are in the namespace, not only some thread of them; rising, at most [`TENANTS`].
    pub fn tenants(&self, namespace: &Namespace) -> &[u32] {
        self.tenants.get(&namespace.key).map_or(&[], Vec::as_slice)
    }

    /// Whether a namespace is the machine's or the caller's own: whoever runs there does not own it.
    pub fn is_common(&self, namespace: &Namespace) -> bool {
        Some(namespace.key) == self.own || namespace.id.name.as_deref() == Some(HOST)
    }
}

/// All namespaces, those that only this process holds included.
pub fn scan() -> Scan {
    Finder::default().look(true)
}

/// All namespaces that somebody else holds: one that is gone but for our own files is left out.
pub fn scan_others() -> Scan {
    Finder::default().look(false)
}

#[derive(Default)]
struct Finder {
    found: BTreeMap<Key, Namespace>,
    /// Lowest process of each, be it only one thread of it.
    pids: HashMap<Key, u32>,
    tenants: HashMap<Key, Vec<u32>>,
    inodes: HashSet<u64>,
    mounts_seen: HashSet<PathBuf>,
    /// proc_net number of namespaces seen from outside only, and their processes.
    outside: BTreeMap<u64, Vec<u32>>,
    refused: usize,
}

impl Finder {
    fn look(mut self, own_files: bool) -> Scan {
        allow_many_files();
        for name in lookup::names() {
            if let Ok(namespace) = lookup::open_named(&name) {
                self.keep(namespace);
            }
        }
        let mut pids: Vec<u32> = numbers(Path::new("/proc")).collect();
        pids.sort_unstable();
        for &pid in &pids {
            self.process(pid);
        }
        let me = std::process::id();
        for &pid in pids.iter().filter(|&&pid| own_files || pid != me) {
            self.mounts(pid);
            self.files(pid);
        }
        if self.refused > 0 {
            tracing::debug!(processes = self.refused, "some namespaces cannot be opened");
        }
        self.finish()
    }

    fn process(&mut self, pid: u32) {
        let tasks = PathBuf::from(format!("/proc/{pid}/task"));
        let own = pid == std::process::id();
        // Our own threads are only visiting.
        for tid in numbers(&tasks).filter(|&tid| !own || tid == pid) {
            let path = tasks.join(format!("{tid}/ns/net"));
            match fs::metadata(&path) {
                Ok(meta) => {
                    let key = key_of(&meta);
                    self.pids.entry(key).or_insert(pid);
                    // A single thread is a visitor: CNI plugins and engines send theirs.
                    if tid == pid {
                        add_tenant(self.tenants.entry(key).or_default(), pid);
                    }
                    self.add(key, &path);
                }
                Err(_) => self.outside(pid),
            }
        }
    }

    fn outside(&mut self, pid: u32) {
        if let Some(number) = lookup::proc_net(pid) {
            self.refused += 1;
            add_tenant(self.outside.entry(number).or_default(), pid);
        }
    }

    /// Namespaces bound to a file in any mount namespace: `ip netns` in a container, CNI, podman.
    fn mounts(&mut self, pid: u32) {
        let process = PathBuf::from(format!("/proc/{pid}"));
        let Ok(mount_namespace) = fs::read_link(process.join("ns/mnt")) else { return };
        if !self.mounts_seen.insert(mount_namespace) {
            return;
        }
        let table = fs::read_to_string(process.join("mountinfo")).unwrap_or_default();
        for (inode, target) in table.lines().filter_map(bound) {
            if !self.knows(inode) {
                self.open(&process.join("root").join(target.trim_start_matches('/')));
            }
        }
    }

    fn files(&mut self, pid: u32) {
        for fd in fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
            let path = fd.path();
            let Ok(target) = fs::read_link(&path) else { continue };
            let inode = match target.to_str() {
                // What was opened by a name that has been unmounted since: all that `ip netns del` leaves of it.
                Some("/") => fs::metadata(&path).ok().filter(|meta| !meta.is_dir()).map(|meta| meta.st_ino()),
                Some(target) => inode(target),
                None => None,
            };
            if inode.is_some_and(|inode| !self.knows(inode)) {
                self.open(&path);
            }
        }
    }

    fn knows(&self, inode: u64) -> bool {
        self.inodes.contains(&inode)
    }

    fn add(&mut self, key: Key, path: &Path) {
        if !self.found.contains_key(&key) {
            self.open(path);
        }
    }

    fn open(&mut self, path: &Path) {
        // It may have gone between the look and the opening; then it is not there.
        if let Ok(namespace) = Namespace::open(path) {
            self.keep(namespace);
        }
    }

    fn keep(&mut self, namespace: Namespace) {
        self.inodes.insert(namespace.key.ino);
        self.found.entry(namespace.key).or_insert(namespace);
    }

    fn finish(mut self) -> Scan {
        let host = lookup::proc_net(1);
        let host_key = fs::metadata("/proc/1/ns/net").ok().map(|meta| key_of(&meta));
        for (key, namespace) in &mut self.found {
            let Some(&pid) = self.pids.get(key) else { continue };
            // A thread that only visits has been elsewhere before, and may be back by now.
            let number = self.tenants.get(key).and_then(|tenants| lookup::proc_net(*tenants.first()?));
            let is_host = host_key.map_or(number.is_some() && number == host, |host| host == *key);
            if is_host {
                namespace.id.name = Some(HOST.into());
            } else if namespace.id.name.is_none() {
                namespace.id.name = Some(process_name(pid));
            }
            if let Some(others) = number.and_then(|number| self.outside.remove(&number)) {
                let tenants = self.tenants.entry(*key).or_default();
                tenants.extend(others);
                tenants.sort_unstable();
                tenants.truncate(TENANTS);
            }
        }
        let mut namespaces: Vec<Namespace> = self.found.into_values().collect();
        let cookies = enter::cookies(&namespaces.iter().collect::<Vec<_>>());
        for (namespace, cookie) in namespaces.iter_mut().zip(cookies) {
            namespace.id.cookie = cookie;
        }
        let own = Namespace::open(Path::new("/proc/thread-self/ns/net")).ok().map(|own| own.key);
        namespaces.sort_by_cached_key(|namespace| {
            let name = namespace.id.name.clone();
            (Some(namespace.key) != own, name.as_deref() != Some(HOST), name.is_none(), name, namespace.key)
        });
        let hidden = |(number, tenants): (u64, Vec<u32>)| {
            let name = if Some(number) == host { HOST.into() } else { process_name(*tenants.first()?) };
            Some(Hidden { name, tenants })
        };
        let hidden = self.outside.into_iter().filter_map(hidden).collect();
        Scan { namespaces, hidden, tenants: self.tenants, own }
    }
}

fn key_of(meta: &fs::Metadata) -> Key {
    Key { dev: meta.st_dev(), ino: meta.st_ino() }
}

/// Processes come in rising order, and their threads one after the other.
fn add_tenant(tenants: &mut Vec<u32>, pid: u32) {
    if tenants.len() < TENANTS && tenants.last() != Some(&pid) {
        tenants.push(pid);
    }
}

/// Files that this process may have open at most.
pub fn most_files() -> u64 {
    getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX)
}

/// One namespace is one open file or more, and the usual soft limit is 1024; the hard one is ours to use.
fn allow_many_files() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!(%error, "cannot raise the number of open files");
        }
    }
}

fn numbers(dir: &Path) -> impl Iterator<Item = u32> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn process_name(pid: u32) -> String {
    match fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(command) => format!("pid {pid} ({})", command.trim_end()),
        Err(_) => format!("pid {pid}"),
    }
}

/// Inode and mount point of a line of mountinfo that binds a network namespace; proc_pid_mountinfo(5).
fn bound(line: &str) -> Option<(u64, String)> {
    let mut fields = line.split(' ').skip(3);
    let inode = inode(fields.next()?)?;
    Some((inode, unescape(fields.next()?)))
}

/// The number in `net:[…]`.
fn inode(target: &str) -> Option<u64> {
    target.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()
}

/// The kernel writes space, tab, line end and backslash as three octal digits.
fn unescape(path: &str) -> String {
    let mut rest = path;
    let mut out = String::with_capacity(path.len());
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 4).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        let (char, len) = code.map_or(('\\', 1), |code| (char::from(code), 4));
        out.push(char);
        rest = &rest[at + len..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_namespace_is_read_from_mountinfo() {
        let line = "410 32 0:4 net:[4026532183] /run/netns/with\\040space rw shared:5 - nsfs nsfs rw";
        assert_eq!(bound(line), Some((4_026_532_183, "/run/netns/with space".into())));
        assert_eq!(bound("25 30 0:23 / /sys rw,nosuid shared:7 - sysfs sysfs rw"), None);
        assert_eq!(bound("1 2 0:4 mnt:[4026531841] /run/mnt rw - nsfs nsfs rw"), None);
        assert_eq!(bound(""), None);
    }

    #[test]
    fn odd_escapes_stay_as_they_are() {
        assert_eq!(unescape("a\\134b"), "a\\b");
        assert_eq!(unescape("a\\9"), "a\\9");
    }
}
