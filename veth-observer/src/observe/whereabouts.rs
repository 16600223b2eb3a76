//! Where the ends of an observed pair are: they may be renamed at any time and, over tcx, moved to other namespaces.

use std::time::Instant;

use tracing::debug;

use super::{Observation, end_id};
use crate::{
    attach::{self, Attachment},
    collect::driver_counts,
    model::{
        driver::DriverCounts,
        link::{End, Pair},
    },
    netns::{self, Address, Namespace},
    topology::{self, PairKey},
};

/// The namespace that each end under observation was last seen in, not held: a pair must be able to go with its namespace.
#[derive(Debug)]
pub(super) struct Whereabouts(pub(super) [Option<Address>; 2]);

impl Whereabouts {
    /// An end as it is now, and what its driver counted; none when it is gone or out of sight.
    pub(super) async fn look(
        &mut self,
        end: usize,
        attachment: &Attachment,
    ) -> Option<(End, Option<DriverCounts>)> {
        let ifindex = attachment.ifindex(end)?;
        let is_there =
            |namespace: &Namespace| namespace.run(|| attachment.is_on(end, ifindex)).unwrap_or(false);
        let namespace = match self.open(end).filter(is_there) {
            Some(namespace) => namespace,
            None => netns::scan_others().namespaces.into_iter().find(is_there)?,
        };
        self.0[end] = Some(namespace.address());
        let driver = counts(&namespace, ifindex);
        Some((topology::end(&namespace, ifindex).await.ok()?, driver))
    }
}

impl Whereabouts {
    fn open(&self, end: usize) -> Option<Namespace> {
        self.0[end].as_ref()?.open()
    }

    /// Whether there is a device of that index where an end was last seen.
    pub(super) fn has(&self, end: usize, ifindex: u32) -> bool {
        let there = self.open(end).and_then(|namespace| namespace.run(|| attach::is_there(ifindex)).ok());
        there.unwrap_or(false)
    }
}

/// What the driver of an end counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Driver {
    first: Option<DriverCounts>,
    now: Option<DriverCounts>,
}

impl Driver {
    pub(super) fn first(namespace: Option<&Namespace>, ifindex: u32) -> Self {
        let first = namespace.and_then(|namespace| counts(namespace, ifindex));
        Self { first, now: first }
    }

    pub(super) fn since_first(&self) -> Option<DriverCounts> {
        Some(self.now?.since(self.first?))
    }
}

fn counts(namespace: &Namespace, ifindex: u32) -> Option<DriverCounts> {
    namespace.run(|| driver_counts(ifindex)).ok()?.ok()
}

/// What the drivers of ends of one namespace counted: reading takes no privilege but to enter it.
pub(super) fn driver_counts_at(address: &Address, ifindexes: &[u32]) -> Vec<Option<DriverCounts>> {
    let read = || ifindexes.iter().map(|ifindex| driver_counts(*ifindex).ok()).collect();
    address.open().and_then(|namespace| namespace.run(read).ok()).unwrap_or_default()
}

impl Observation {
    /// Where an end under observation was last seen, and its index there.
    pub(super) fn place(&self, end: usize) -> Option<(&Address, u32)> {
        Some((self.whereabouts.0[end].as_ref()?, self.ends[end].ifindex))
    }

    /// Takes over what the driver of an end counted by now.
    pub(super) fn set_driver(&mut self, end: usize, counts: DriverCounts) {
        self.drivers[end].now = Some(counts);
    }

    /// Tells the program that sees frames die where the ends are.
    fn follow_deaths(&mut self) {
        if let Err(error) = self.loaded.follow(self.ends.each_ref().map(end_id)) {
            debug!("drops at the ends are not told: {error:#}");
        }
    }

    /// What identifies the pair where it was last seen.
    pub(super) fn key(&self) -> PairKey {
        PairKey::of_ends(&self.ends)
    }

    /// Takes over how the pair was seen just now, by somebody else and where it was. True if an end was renamed.
    pub(super) fn renew(&mut self, seen: &Pair) -> bool {
        let is_turned =
            seen.ends[0].netns != self.ends[0].netns || seen.ends[0].ifindex != self.ends[0].ifindex;
        let mut renamed = false;
        for (at, end) in self.ends.iter_mut().enumerate() {
            let now = &seen.ends[if is_turned { 1 - at } else { at }];
            if now.ifname != end.ifname {
                let [before, after] = [&*end, now].map(|end| format!("{} ({})", end.label(), end.netns));
                (self.settings.notice)(&format!("{before} is now {after}"));
                renamed = true;
            }
            end.clone_from(now);
        }
        renamed
    }

    /// Looks where the ends are now, so that reports call them by their present names.
    pub async fn follow(&mut self) {
        self.followed = Instant::now();
        for at in 0..2 {
            let Some((now, driver)) = self.whereabouts.look(at, &self.attachment).await else { continue };
            self.drivers[at].now = driver;
            let before = std::mem::replace(&mut self.ends[at], now);
            let now = &mut self.ends[at];
            now.owner.clone_from(&before.owner);
            if before.netns.inode != now.netns.inode {
                now.owner = self.whereabouts.open(at).as_ref().and_then(topology::owner);
            }
            let moved = (before.netns.inode, before.ifindex) != (now.netns.inode, now.ifindex);
            if moved || before.ifname != now.ifname {
                let [before, now] = [&before, &*now].map(|end| format!("{} ({})", end.label(), end.netns));
                (self.settings.notice)(&format!("{before} is now {now}"));
            }
            if moved {
                self.follow_deaths();
            }
            if moved && !self.lane.follow(&self.ends[at]).unwrap_or(true) {
                let label = self.ends[at].label();
                self.ended = Some(format!("{label} moved to where another observer uses the same lane"));
            }
        }
    }
}
