//! From a name to a namespace and back.

use std::{fs, io, os::linux::fs::MetadataExt, path::Path};

use anyhow::Result;

use super::{HOST, Namespace, refused, scan::scan};
use crate::fault::Fault;

const RUN_NETNS: &str = "/run/netns";

/// The names under /run/netns, sorted.
pub fn names() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(RUN_NETNS)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

pub(super) fn open_named(name: &str) -> io::Result<Namespace> {
    let mut namespace = Namespace::open(&Path::new(RUN_NETNS).join(name))?;
    namespace.id.name = Some(name.to_owned());
    Ok(namespace)
}

pub(super) fn by_name(name: &str) -> Result<Namespace> {
    let found = if name.contains('/') {
        Namespace::open(Path::new(name))
    } else if let Some(pid) = name.strip_prefix("pid:") {
        of_pid(pid)
    } else {
        match open_named(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && name == HOST => of_pid("1"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => by_inode(name),
            other => other,
        }
    };
    match found {
        Ok(mut namespace) => {
            namespace.id.cookie = super::enter::cookies(&[&namespace]).pop().flatten();
            if namespace.id.name.is_none() {
                namespace.id.name = name_of(&namespace);
            }
            Ok(namespace)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(missing(name).into()),
        Err(error) => Err(refused(&error, &format!("cannot open network namespace {name}"))),
    }
}

fn missing(name: &str) -> Fault {
    let names = names();
    let fault = Fault::not_found(format!("there is no network namespace {name}"));
    if names.is_empty() {
        return fault.fix(format!("ip netns add {name}"));
    }
    fault.fix(format!("ip netns add {name}, or use one of: {}", names.join(", ")))
}

fn of_pid(pid: &str) -> io::Result<Namespace> {
    let pid: u32 = pid.parse().map_err(|_| io::Error::from(io::ErrorKind::NotFound))?;
    let opened = Namespace::open(Path::new(&format!("/proc/{pid}/ns/net")));
    match (opened, proc_net(pid)) {
        // Another user's process, but known to be where we are.
        (Err(error), Some(there)) if error.kind() == io::ErrorKind::PermissionDenied => {
            if Some(there) == proc_net(std::process::id()) {
                Namespace::open(Path::new("/proc/self/ns/net"))
            } else {
                Err(error)
            }
        }
        (opened, _) => opened,
    }
}

fn by_inode(name: &str) -> io::Result<Namespace> {
    let inode = name.parse::<u64>().ok();
    scan()
        .namespaces
        .into_iter()
        .find(|namespace| inode.is_some() && namespace.id.inode == inode)
        .ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// What the namespace is called: `host`, its name under /run/netns, or its lowest process.
pub(super) fn name_of(namespace: &Namespace) -> Option<String> {
    let scanned = scan().namespaces.into_iter().find(|known| known.same(namespace));
    scanned.and_then(|known| known.id.name)
}

/// A number that is the same for all processes of one namespace, readable without any privilege: the inode of
/// /proc/PID/net/dev, which fs/proc/generic.c hands out once per namespace.
pub(super) fn proc_net(pid: u32) -> Option<u64> {
    fs::metadata(format!("/proc/{pid}/net/dev")).ok().map(|meta| meta.st_ino())
}
