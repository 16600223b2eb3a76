//! One look at all namespaces: their links, and which of them are pairs.

use std::{collections::BTreeSet, time::Duration};

use anyhow::Result;

use super::{
    connection::Connection,
    device::Device,
    pairing::{self, Peer, Seat, Space},
};
use crate::{
    model::link::{End, HOST, Netns, Owner, Pair},
    netns::{self, Hidden, Namespace, Scan},
    owners::{Home, Owners},
};

/// Everything seen in one look.
#[derive(Debug, Default)]
pub struct Snapshot {
    pub(super) places: Vec<Place>,
    spaces: Vec<Space>,
    pairs: Vec<(Seat, Peer)>,
}

/// A namespace that was seen, or only heard of.
#[derive(Debug, Default)]
pub(super) struct Place {
    pub(super) id: Netns,
    pub(super) namespace: Option<Namespace>,
    /// Processes in it.
    tenants: Vec<u32>,
    /// Nobody's in particular: the machine's, or the caller's.
    is_common: bool,
    owner: Option<Owner>,
}

impl Place {
    /// Known by the scan, and not only as where the peer of something is.
    fn is_scanned(&self) -> bool {
        self.namespace.is_some() || !self.tenants.is_empty()
    }
}

/// One pair of a snapshot.
#[derive(Debug, Clone)]
pub struct Sighting {
    pub pair: Pair,
    /// Namespaces of the ends in the order of `pair.ends`; none where it cannot be opened.
    pub namespaces: [Option<Namespace>; 2],
    pub(super) seats: [Option<Seat>; 2],
}

/// How often to look again when ends do not match up, and how long to wait before: a pair that is being made, moved
/// or deleted settles in about a millisecond.
const LOOKS: usize = 3;
const PAUSE: Duration = Duration::from_millis(10);

impl Snapshot {
    /// Looks at every namespace that may be looked at; what may not be seen is left out.
    pub async fn take() -> Result<Self> {
        Self::settled(netns::scan, &mut Owners::default()).await
    }

    /// Like [`Self::take`], without namespaces that only this process still holds; for those who look again and again and
    /// keep what they learn of owners.
    pub async fn take_others(owners: &mut Owners) -> Result<Self> {
        Self::settled(netns::scan_others, owners).await
    }

    pub(super) async fn settled(mut scan: impl FnMut() -> Scan, owners: &mut Owners) -> Result<Self> {
        let mut look = 1;
        loop {
            let mut snapshot = Self::look(scan()).await?;
            if look == LOOKS || !snapshot.has_loose_ends() {
                snapshot.resolve_owners(owners);
                return Ok(snapshot);
            }
            look += 1;
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn look(scan: Scan) -> Result<Self> {
        let mut snapshot = Self::default();
        let mut connections = Vec::new();
        let Scan { namespaces, hidden, .. } = &scan;
        for namespace in namespaces {
            let connection = open(namespace)?;
            let mut space = Space::default();
            if let Some(connection) = &connection
                && let Ok(links) = connection.links().await
            {
                space.devices = links.iter().map(Device::from).collect();
                space.complete = true;
            }
            // Of thousands, only those that there is something more to ask.
            connections.push(connection.filter(|_| space.devices.iter().any(is_away)));
            snapshot.spaces.push(space);
            snapshot.places.push(Place {
                id: namespace.id.clone(),
                namespace: Some(namespace.clone()),
                tenants: scan.tenants(namespace).to_vec(),
                is_common: scan.is_common(namespace),
                owner: None,
            });
        }
        for Hidden { name, tenants } in hidden {
            snapshot.spaces.push(Space::default());
            let id = Netns { name: Some(name.clone()), ..Netns::default() };
            let (tenants, is_common) = (tenants.clone(), name == HOST);
            snapshot.places.push(Place { id, tenants, is_common, ..Place::default() });
        }
        for (at, connection) in connections.iter().enumerate() {
            if let Some(connection) = connection {
                snapshot.resolve(at, connection).await;
                snapshot.read_outside(at, connection).await;
            }
        }
        snapshot.pairs = pairing::pair(&snapshot.spaces);
        Ok(snapshot)
    }

    /// Finds out which namespaces the numbers mean that the veths of space `at` carry.
    async fn resolve(&mut self, at: usize, connection: &Connection) {
        let veths = self.spaces[at].devices.iter().filter(|device| is_away(device));
        let mut wanted: BTreeSet<i32> = veths.filter_map(|device| device.nsid).collect();
        // Those that know this namespace are most likely the ones it knows: one question instead of one per namespace.
        let knows = |other: &usize| self.spaces[*other].nsids.values().any(|&known| known == at);
        let (likely, others): (Vec<usize>, Vec<usize>) =
            (0..self.places.len()).filter(|&other| other != at).partition(knows);
        for other in likely.into_iter().chain(others) {
            if wanted.is_empty() {
                return;
            }
            let place = &self.places[other];
            let answer = match (&place.namespace, place.tenants.first()) {
                (Some(namespace), _) => connection.nsid_of(namespace).await,
                (None, Some(&pid)) => connection.nsid_of_pid(pid).await,
                (None, None) => Ok(None),
            };
            if let Ok(Some(nsid)) = answer
                && wanted.remove(&nsid)
            {
                self.spaces[at].nsids.insert(nsid, other);
            }
        }
    }

    /// Reads those peers of space `at` that sit where we cannot go; the kernel shows them with CAP_NET_ADMIN.
    async fn read_outside(&mut self, at: usize, connection: &Connection) {
        let peers: Vec<(i32, u32)> = self.spaces[at]
            .devices
            .iter()
            .filter(|device| is_away(device))
            .filter_map(|device| Some((device.nsid?, device.link.unwrap_or(device.ifindex))))
            .collect();
        for (nsid, ifindex) in peers {
            let known = self.spaces[at].nsids.get(&nsid).copied();
            if known.is_some_and(|other| self.spaces[other].complete) {
                continue;
            }
            let Ok(message) = connection.link_of_nsid(nsid, ifindex).await else { continue };
            let mut device = Device::from(&message);
            device.nsid = None;
            let other = known.unwrap_or_else(|| {
                self.spaces.push(Space::default());
                self.places.push(Place::default());
                self.spaces.len() - 1
            });
            self.spaces[at].nsids.insert(nsid, other);
            self.spaces[other].devices.push(device);
        }
    }

    /// Namespaces that are known to be there, and could not be looked into.
    pub(super) fn unseen(&self) -> usize {
        let both = self.places.iter().zip(&self.spaces);
        both.filter(|(place, space)| place.is_scanned() && !space.complete).count()
    }

    /// Something that should have been seen and was not, or only from outside: most likely it is newer than the scan.
    fn has_loose_ends(&self) -> bool {
        let (known, unknown): (Vec<usize>, Vec<usize>) =
            (0..self.places.len()).partition(|&at| self.places[at].is_scanned());
        let sees_all = known.iter().all(|&at| self.spaces[at].complete);
        let peers = self.pairs.iter().any(|(_, peer)| match peer {
            Peer::Seen(_) => false,
            Peer::Unseen { space: Some(space), .. } => self.spaces[*space].complete,
            Peer::Unseen { space: None, .. } => sees_all,
        });
        peers || (sees_all && !unknown.is_empty())
    }

    /// Finds out who lives where ends are.
    fn resolve_owners(&mut self, owners: &mut Owners) {
        let mut lived_in: BTreeSet<usize> = BTreeSet::new();
        for &(seat, peer) in &self.pairs {
            let other = match peer {
                Peer::Seen(peer) => Some(peer.space),
                Peer::Unseen { space, .. } => space,
            };
            lived_in.extend([Some(seat.space), other].into_iter().flatten());
        }
        lived_in.retain(|&at| !self.places[at].is_common);
        let homes: Vec<(usize, Home)> = lived_in
            .into_iter()
            .filter_map(|at| Some((at, Home::new(&self.places[at].id, &self.places[at].tenants)?)))
            .collect();
        let with_tenants: Vec<(Home, &[u32])> =
            homes.iter().map(|&(at, home)| (home, self.places[at].tenants.as_slice())).collect();
        let found = owners.of(&with_tenants);
        for ((at, _), owner) in homes.iter().zip(found) {
            self.places[*at].owner = owner;
        }
    }

    /// All pairs; the first end of each is the one nearer to the caller, then the one whose name sorts first.
    pub fn pairs(&self) -> Vec<Sighting> {
        let mut sightings: Vec<Sighting> =
            self.pairs.iter().map(|&(seat, peer)| self.sighting(seat, peer)).collect();
        sightings.sort_by_cached_key(|sighting| {
            let [first, second] = &sighting.pair.ends;
            (
                sighting.seats[0].map(|seat| seat.space),
                first.ifname.clone(),
                second.ifname.clone(),
                first.ifindex,
            )
        });
        sightings
    }

    fn sighting(&self, seat: Seat, peer: Peer) -> Sighting {
        let one = self.end(seat);
        let (other, other_seat, other_space) = match peer {
            Peer::Seen(peer) => (self.end(peer), Some(peer), Some(peer.space)),
            Peer::Unseen { space, ifindex } => {
                let place = space.map(|space| &self.places[space]);
                let netns = place.map(|place| place.id.clone()).unwrap_or_default();
                let owner = place.and_then(|place| place.owner.clone());
                (End { ifindex, netns, owner, ..End::default() }, None, space)
            }
        };
        let open = |space: Option<usize>| space.and_then(|space| self.places[space].namespace.clone());
        let mut ends = [one, other];
        let mut namespaces = [open(Some(seat.space)), open(other_space)];
        let mut seats = [Some(seat), other_seat];
        let rank = |end: usize| (seats[end].map_or(usize::MAX, |seat| seat.space), ends[end].ifname.clone());
        if rank(1) < rank(0) {
            ends.reverse();
            namespaces.reverse();
            seats.reverse();
        }
        Sighting { pair: Pair { ends }, namespaces, seats }
    }

    fn end(&self, seat: Seat) -> End {
        let Place { id, owner, .. } = &self.places[seat.space];
        let (netns, owner) = (id.clone(), owner.clone());
        let device = self.spaces[seat.space].devices.iter().find(|device| device.ifindex == seat.ifindex);
        match device {
            Some(device) => End { owner, ..device.end(netns) },
            None => End { ifindex: seat.ifindex, netns, owner, ..End::default() },
        }
    }

    /// Every device seen, with the place it is in.
    pub(super) fn devices(&self) -> impl Iterator<Item = (usize, &Device)> {
        self.spaces
            .iter()
            .enumerate()
            .flat_map(|(at, space)| space.devices.iter().map(move |device| (at, device)))
    }
}

/// One end of a pair whose other end is in another namespace.
fn is_away(device: &Device) -> bool {
    device.is_veth() && device.nsid.is_some()
}

/// A connection where there may be one; the caller's own namespace must give one.
fn open(namespace: &Namespace) -> Result<Option<Connection>> {
    match Connection::open(namespace) {
        Ok(connection) => Ok(Some(connection)),
        Err(error) if error.is::<crate::fault::Fault>() => Ok(None),
        Err(error) => Err(error),
    }
}
