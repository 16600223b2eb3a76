//! From what was typed to the one pair that is meant.

use anyhow::Result;

use super::{
    by_owner,
    device::Device,
    glob,
    nearness::near,
    selector::{EndSelector, Scope, Selector},
    snapshot::{Sighting, Snapshot},
};
use crate::{
    fault::Fault,
    model::link::{Netns, Pair},
    netns::{HOST, Namespace},
};

/// A pair that was asked for, with the way into the namespace of each end.
#[derive(Debug, Clone)]
pub struct Selected {
    /// The end that was named stands first.
    pub pair: Pair,
    /// Namespace of each end, in the order of `pair.ends`.
    pub namespaces: [Namespace; 2],
}

/// A pair that was asked for, as far as the caller may see it.
#[derive(Debug, Clone)]
pub struct Found {
    /// The end that was named stands first.
    pub pair: Pair,
    /// Namespace of each end, in the order of `pair.ends`; none where it cannot be opened.
    pub namespaces: [Option<Namespace>; 2],
}

impl Found {
    /// The selector that names the named end from anywhere.
    pub fn selector(&self) -> String {
        let end = &self.pair.ends[0];
        let name = end.ifname.clone().unwrap_or_else(|| format!("ifindex:{}", end.ifindex));
        exact(&end.netns, &name)
    }
}

/// Finds the one pair that `selector` names, both ends with a namespace that can be entered.
///
/// No pair or several: [`Kind::NotFound`](crate::fault::Kind::NotFound), with what comes near. An end out of reach:
/// [`Kind::Unavailable`](crate::fault::Kind::Unavailable).
pub async fn select(selector: &str) -> Result<Selected> {
    let Found { pair, namespaces } = find(selector).await?;
    let [Some(first), Some(second)] = namespaces else {
        let out_of_reach = &pair.ends[usize::from(namespaces[0].is_some())];
        return Err(unreachable_end(selector, &out_of_reach.netns).into());
    };
    for (end, namespace) in pair.ends.iter().zip([&first, &second]) {
        namespace.run(|| ())?;
        if end.ifname.is_none() {
            return Err(Fault::not_found(format!("{selector}: its peer went away while we looked"))
                .fix("veth-observer list")
                .into());
        }
    }
    Ok(Selected { pair, namespaces: [first, second] })
}

fn unreachable_end(selector: &str, netns: &Netns) -> Fault {
    Fault::denied(format!("{selector}: cannot enter the namespace of one end, {netns}"))
}

/// Finds the one pair that `selector` names, whether or not its ends can be reached.
pub async fn find(selector: &str) -> Result<Found> {
    let wanted: Selector = selector.parse()?;
    let place = match &wanted.scope {
        Scope::Netns(place) => Some(Namespace::by_name(place)?),
        _ => None,
    };
    let snapshot = Snapshot::take().await?;
    if matches!(wanted.scope, Scope::Container(_) | Scope::Pod { .. } | Scope::Pair(_)) {
        return Ok(by_owner::find(&wanted, &snapshot)?);
    }
    let hits = hits(&snapshot, &wanted.end, place.as_ref());
    let Some(&(at, device)) = hits.first() else {
        if let Some(place) = &place {
            // Nothing was seen there because nobody may look.
            place.run(|| ())?;
        }
        return Err(nothing(&wanted, &snapshot).into());
    };
    let pairs = snapshot.pairs();
    let found = |at: usize, device: &Device| {
        pairs.iter().find_map(|sighting| {
            let here =
                |seat: &Option<_>| *seat == Some(super::pairing::Seat { space: at, ifindex: device.ifindex });
            Some((sighting, sighting.seats.iter().position(here)?))
        })
    };
    let mut veths = hits.iter().filter_map(|&(at, device)| found(at, device));
    match (veths.next(), veths.next()) {
        (Some((sighting, named)), None) => {
            let Sighting { mut pair, mut namespaces, .. } = sighting.clone();
            pair.ends.rotate_left(named);
            namespaces.rotate_left(named);
            Ok(Found { pair, namespaces })
        }
        (Some(_), Some(_)) => Err(several(&wanted, &snapshot, &hits).into()),
        (None, _) => Err(no_veth(&wanted, device, &snapshot, &snapshot.places[at].id).into()),
    }
}

/// The devices that are meant: in `place`, else in the caller's own namespace, else anywhere.
fn hits<'a>(
    snapshot: &'a Snapshot,
    end: &EndSelector,
    place: Option<&Namespace>,
) -> Vec<(usize, &'a Device)> {
    let is_meant = |device: &Device| match end {
        EndSelector::Any => true,
        EndSelector::Name(name) if glob::is_pattern(name) => {
            device.is_veth() && (glob::matches(name, &device.ifname) || device.is_called(name))
        }
        EndSelector::Name(name) => device.is_called(name),
        EndSelector::Index(index) => device.ifindex == *index,
    };
    let own = Namespace::current().ok();
    let inside = |namespace: Option<&Namespace>| -> Vec<(usize, &'a Device)> {
        snapshot
            .devices()
            .filter(|&(at, device)| {
                let there = snapshot.places[at].namespace.as_ref();
                is_meant(device)
                    && namespace.is_none_or(|wanted| there.is_some_and(|there| there.same(wanted)))
            })
            .collect()
    };
    if place.is_some() {
        return inside(place);
    }
    let here = own.as_ref().map(|own| inside(Some(own))).unwrap_or_default();
    if !here.is_empty() {
        return here;
    }
    // Elsewhere only pairs count: every namespace has a device `lo` with index 1.
    let everywhere = inside(None);
    let veths: Vec<_> = everywhere.iter().copied().filter(|(_, device)| device.is_veth()).collect();
    if veths.is_empty() { everywhere } else { veths }
}

/// The selector that names this end and nothing else.
pub(super) fn exact(netns: &Netns, name: &str) -> String {
    // A process may be gone tomorrow, and `pid N (command)` is no selector.
    let place = match (&netns.name, netns.inode) {
        (Some(name), _) if name == HOST || crate::netns::names().contains(name) => name.clone(),
        (_, Some(inode)) => inode.to_string(),
        _ => "?".into(),
    };
    format!("netns:{place}/{name}")
}

fn several(wanted: &Selector, snapshot: &Snapshot, hits: &[(usize, &Device)]) -> Fault {
    let mut candidates: Vec<String> =
        hits.iter().map(|(at, device)| exact(&snapshot.places[*at].id, &device.ifname)).collect();
    candidates.sort();
    let message = format!("{wanted} names {} veth ends: {}", candidates.len(), candidates.join(", "));
    Fault::not_found(message).fix("name one of them")
}

fn no_veth(wanted: &Selector, device: &Device, snapshot: &Snapshot, netns: &Netns) -> Fault {
    if device.is_veth() {
        return Fault::not_found(format!("the pair of {} went away while we looked", device.ifname))
            .fix("veth-observer list");
    }
    let kind = device.kind.as_deref().unwrap_or(&device.layer);
    let message = format!("{} in netns {netns} is not a veth device but {kind}", device.ifname);
    Fault::not_found(message).fix(suggestion(wanted, snapshot))
}

fn nothing(wanted: &Selector, snapshot: &Snapshot) -> Fault {
    Fault::not_found(format!("there is no veth end {wanted}")).fix(suggestion(wanted, snapshot))
}

/// Where to look, and what comes near: the same name first, then in the order of the namespaces, the caller's own first.
fn suggestion(wanted: &Selector, snapshot: &Snapshot) -> String {
    let EndSelector::Name(typed) = &wanted.end else { return "veth-observer list".into() };
    let veths = snapshot.devices().filter(|(_, device)| device.is_veth());
    let mut near: Vec<_> = veths.filter(|(_, device)| near(typed, &device.ifname)).collect();
    near.sort_by_key(|(_, device)| device.ifname != *typed);
    let near: Vec<String> =
        near.iter().take(3).map(|(at, device)| exact(&snapshot.places[*at].id, &device.ifname)).collect();
    if near.is_empty() {
        let pairs: Vec<Pair> = snapshot.pairs().into_iter().map(|sighting| sighting.pair).collect();
        return by_owner::suggest_owner(typed, &pairs);
    }
    format!("veth-observer list, or did you mean {}?", near.join(", "))
}
