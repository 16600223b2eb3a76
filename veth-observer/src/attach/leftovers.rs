//! What a killed run left. tcx links end with their process; clsact filters stay until somebody takes them off.

use std::{fmt, io};

use anyhow::{Context, Result, anyhow};

use super::{
    clsact::{claim, is_ours, marks_made, unless_gone},
    names::interface_name,
    qdisc::{Filter, Way},
    rtnetlink::Rtnetlink,
};
use crate::{
    fault::Fault,
    model::link::{End, Netns},
    netns::{Namespace, scan},
};

/// A filter of ours that no living process holds.
#[derive(Debug, Clone)]
pub struct Leftover {
    /// Name of the program.
    pub program: String,
    pub way: Way,
    pub ifname: String,
    pub ifindex: u32,
    namespace: Namespace,
    filter: Filter,
}

impl Leftover {
    /// Where it is.
    pub fn netns(&self) -> &Netns {
        &self.namespace.id
    }

    /// Removes it, and the clsact qdisc with the last filter on it if an observer made it.
    pub fn remove(&self) -> Result<()> {
        let removed = self.namespace.run(|| self.remove_here())?;
        removed.map_err(|error| match error.raw_os_error() {
            Some(libc::EPERM) => anyhow!(Fault::denied(format!("cannot remove the {self}"))),
            _ => anyhow!("cannot remove the {self}: {error}"),
        })
    }

    fn remove_here(&self) -> io::Result<()> {
        let netlink = Rtnetlink::open()?;
        // Another sweep may have been here, and another observer after it.
        if !netlink.filters(self.ifindex, self.way)?.contains(&self.filter) {
            return Ok(());
        }
        netlink
            .remove(self.ifindex, self.way, &self.filter, marks_made(&self.filter))
            .map(drop)
            .or_else(unless_gone)
    }
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { program, ifname, namespace, .. } = self;
        write!(f, "filter {program} on {ifname} in netns {}", namespace.id)
    }
}

/// What a look around found.
#[derive(Debug, Default)]
pub struct Found {
    pub leftovers: Vec<Leftover>,
    /// How many namespaces could not be looked into.
    pub unseen: usize,
}

/// Looks into every namespace of this machine.
pub fn find() -> Result<Found> {
    let scan = scan();
    let mut found = Found { unseen: scan.hidden.len(), ..Found::default() };
    for namespace in &scan.namespaces {
        match namespace.run(|| anyhow::Ok(Rtnetlink::open()?.devices_with_clsact()?)) {
            Ok(devices) => {
                for ifindex in devices? {
                    found.leftovers.extend(on(namespace, ifindex)?);
                }
            }
            Err(_) => found.unseen += 1,
        }
    }
    Ok(found)
}

/// Removes what is left on one end, before something new comes there.
pub fn sweep(end: &End, namespace: &Namespace) -> Result<()> {
    for leftover in on(namespace, end.ifindex)? {
        leftover.remove()?;
        tracing::info!("removed a {leftover}, left by a run that was killed");
    }
    Ok(())
}

fn on(namespace: &Namespace, ifindex: u32) -> Result<Vec<Leftover>> {
    namespace.run(|| {
        let netlink = Rtnetlink::open()?;
        let mut leftovers = Vec::new();
        for way in Way::BOTH {
            let filters = netlink.filters(ifindex, way).context("cannot read the filters")?;
            for filter in filters.into_iter().filter(is_ours) {
                // A claim that we could take is one that nobody holds; it is let go at once.
                if claim(filter.program)?.is_some() {
                    leftovers.push(Leftover {
                        program: filter.name.clone(),
                        way,
                        ifname: interface_name(ifindex).unwrap_or_else(|_| format!("ifindex {ifindex}")),
                        ifindex,
                        namespace: namespace.clone(),
                        filter,
                    });
                }
            }
        }
        Ok(leftovers)
    })?
}
