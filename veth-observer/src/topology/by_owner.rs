//! From the name of a container, a pod or a pair to the one pair that is meant.

use std::collections::BTreeSet;

use super::{
    glob,
    nearness::near,
    select::{Found, exact},
    selector::{EndSelector, Scope, Selector},
    snapshot::{Sighting, Snapshot},
};
use crate::{
    fault::Fault,
    model::{
        link::{End, Owner, Pair},
        naming::pair_names,
    },
};

/// An end that is meant, of one of the pairs.
type Hit<'a> = (&'a Sighting, usize);

/// The one pair with an end that `wanted` means, which then stands first.
pub(super) fn find(wanted: &Selector, snapshot: &Snapshot) -> Result<Found, Fault> {
    let sightings = snapshot.pairs();
    let hits = match &wanted.scope {
        Scope::Pair(name) => of_name(name, &sightings),
        _ => of_owner(wanted, &sightings),
    };
    match hits[..] {
        [] => Err(nothing(wanted, &sightings)),
        [(sighting, end)] => {
            let Sighting { mut pair, mut namespaces, .. } = sighting.clone();
            pair.ends.rotate_left(end);
            namespaces.rotate_left(end);
            Ok(Found { pair, namespaces })
        }
        _ => Err(several(wanted, &hits)),
    }
}

fn of_name<'a>(name: &str, sightings: &'a [Sighting]) -> Vec<Hit<'a>> {
    let pairs: Vec<Pair> = sightings.iter().map(|sighting| sighting.pair.clone()).collect();
    let named = sightings.iter().zip(pair_names(&pairs));
    // The end that the pair is called after stands first, as it does when its owner is asked for.
    let lived_in = |sighting: &Sighting| sighting.pair.ends.iter().position(|end| end.owner.is_some());
    named
        .filter(|(_, known)| glob::matches(name, known))
        .map(|(sighting, _)| (sighting, lived_in(sighting).unwrap_or_default()))
        .collect()
}

fn of_owner<'a>(wanted: &Selector, sightings: &'a [Sighting]) -> Vec<Hit<'a>> {
    let fits = |sighting: &'a Sighting| {
        let ends = sighting.pair.ends.iter().enumerate().filter(|(_, end)| wanted.names_end(end));
        ends.filter_map(|(at, end)| Some((wanted.fit(end.owner.as_ref()?)?, (sighting, at))))
            .min_by_key(|hit| hit.0)
    };
    let hits: Vec<_> = sightings.iter().filter_map(fits).collect();
    let Some(best) = hits.iter().map(|(fit, _)| *fit).min() else { return Vec::new() };
    let mut hits: Vec<Hit<'_>> =
        hits.into_iter().filter(|(fit, _)| *fit == best).map(|(_, hit)| hit).collect();
    // A container with containers in it has their ends too; its own pair leads out.
    let leads_out = |&(sighting, at): &Hit<'_>| sighting.pair.ends[1 - at].owner.is_none();
    if hits.iter().any(leads_out) {
        hits.retain(leads_out);
    }
    hits
}

/// What names this end: by its owner where that is enough.
fn precise(end: &End, hits: &[Hit<'_>]) -> String {
    let device = end.ifname.clone().unwrap_or_else(|| format!("ifindex:{}", end.ifindex));
    let by_owner = |end: &End| end.owner.as_ref().and_then(Owner::selector);
    let is_alone = hits
        .iter()
        .map(|(sighting, at)| &sighting.pair.ends[*at])
        .filter(|other| (by_owner(other), &other.ifname) == (by_owner(end), &end.ifname))
        .count()
        == 1;
    let Some(owner) = by_owner(end).filter(|_| is_alone) else { return exact(&end.netns, &device) };
    // A pod of no namespace with a device would read as a pod of that namespace.
    match owner.strip_prefix("pod:").filter(|pod| !pod.contains('/')) {
        Some(pod) => format!("pod:/{pod}/{device}"),
        None => format!("{owner}/{device}"),
    }
}

fn several(wanted: &Selector, hits: &[Hit<'_>]) -> Fault {
    let mut candidates: Vec<String> =
        hits.iter().map(|(sighting, at)| precise(&sighting.pair.ends[*at], hits)).collect();
    candidates.sort();
    let message = format!("{wanted} names {} veth ends: {}", candidates.len(), candidates.join(", "));
    Fault::not_found(message).fix("name one of them")
}

fn nothing(wanted: &Selector, sightings: &[Sighting]) -> Fault {
    let owners =
        || sightings.iter().flat_map(|sighting| &sighting.pair.ends).filter_map(|end| end.owner.as_ref());
    if wanted.end != EndSelector::Any && owners().any(|owner| wanted.fit(owner).is_some()) {
        let home = Selector { end: EndSelector::Any, ..wanted.clone() };
        return Fault::not_found(format!("{home} has no veth end {}", wanted.end)).fix("veth-observer list");
    }
    let (message, typed) = match &wanted.scope {
        Scope::Pair(name) => (format!("there is no {wanted}"), name),
        Scope::Container(name) | Scope::Pod { name, .. } => {
            (format!("there is no {wanted} with a veth end"), name)
        }
        Scope::Anywhere | Scope::Netns(_) => {
            return Fault::not_found(format!("there is no veth end {wanted}"));
        }
    };
    let suggestion = match &wanted.scope {
        Scope::Pair(_) => {
            let pairs: Vec<Pair> = sightings.iter().map(|sighting| sighting.pair.clone()).collect();
            suggest(
                pair_names(&pairs).iter().filter(|name| near(typed, name)).map(|name| format!("pair:{name}")),
            )
        }
        _ => suggest_owner(typed, sightings),
    };
    Fault::not_found(message).fix(suggestion)
}

/// Owners whose name is near to what was typed.
pub(super) fn suggest_owner(typed: &str, sightings: &[Sighting]) -> String {
    let owners =
        sightings.iter().flat_map(|sighting| &sighting.pair.ends).filter_map(|end| end.owner.as_ref());
    let named =
        owners.filter(|owner| [&owner.name, &owner.pod].into_iter().flatten().any(|name| near(typed, name)));
    suggest(named.filter_map(Owner::selector))
}

fn suggest(candidates: impl Iterator<Item = String>) -> String {
    let candidates: BTreeSet<String> = candidates.collect();
    let few: Vec<String> = candidates.into_iter().take(3).collect();
    if few.is_empty() {
        "veth-observer list".into()
    } else {
        format!("veth-observer list, or did you mean {}?", few.join(", "))
    }
}
