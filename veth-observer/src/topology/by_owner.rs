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

/// A pair and the end of it that is meant, by their places.
type Hit = (usize, usize);

/// The one pair with an end that `wanted` means, which then stands first.
pub(super) fn find(wanted: &Selector, snapshot: &Snapshot) -> Result<Found, Fault> {
    let sightings = snapshot.pairs();
    let pairs: Vec<Pair> = sightings.iter().map(|sighting| sighting.pair.clone()).collect();
    let (at, end) = pick(wanted, &pairs, &pair_names(&pairs))?;
    let Sighting { mut pair, mut namespaces, .. } = sightings[at].clone();
    pair.ends.rotate_left(end);
    namespaces.rotate_left(end);
    Ok(Found { pair, namespaces })
}

/// The one that `wanted` means of pairs that are called so.
pub(super) fn pick(wanted: &Selector, pairs: &[Pair], names: &[String]) -> Result<Hit, Fault> {
    let hits = match &wanted.scope {
        Scope::Pair(name) => of_name(name, pairs, names),
        _ => of_owner(wanted, pairs),
    };
    match hits[..] {
        [] => Err(nothing(wanted, pairs, names)),
        [hit] => Ok(hit),
        _ => Err(several(wanted, pairs, &hits)),
    }
}

fn of_name(name: &str, pairs: &[Pair], names: &[String]) -> Vec<Hit> {
    // The end that the pair is called after stands first, as it does when its owner is asked for.
    let lived_in = |pair: &Pair| pair.ends.iter().position(|end| end.owner.is_some());
    let fitting = pairs.iter().zip(names).enumerate().filter(|(_, (_, known))| glob::matches(name, known));
    fitting.map(|(at, (pair, _))| (at, lived_in(pair).unwrap_or_default())).collect()
}

fn of_owner(wanted: &Selector, pairs: &[Pair]) -> Vec<Hit> {
    let fits = |(at, pair): (usize, &Pair)| {
        let ends = pair.ends.iter().enumerate().filter(|(_, end)| wanted.names_end(end));
        ends.filter_map(|(end, it)| Some((wanted.fit(it.owner.as_ref()?)?, (at, end))))
            .min_by_key(|hit| hit.0)
    };
    let hits: Vec<_> = pairs.iter().enumerate().filter_map(fits).collect();
    let Some(best) = hits.iter().map(|(fit, _)| *fit).min() else { return Vec::new() };
    let mut hits: Vec<Hit> = hits.into_iter().filter(|(fit, _)| *fit == best).map(|(_, hit)| hit).collect();
    // A container with containers in it has their ends too; its own pair leads out.
    let leads_out = |&(at, end): &Hit| pairs[at].ends[1 - end].owner.is_none();
    if hits.iter().any(leads_out) {
        hits.retain(leads_out);
    }
    hits
}

/// What names this end: by its owner where that is enough.
fn precise(end: &End, pairs: &[Pair], hits: &[Hit]) -> String {
    let device = end.ifname.clone().unwrap_or_else(|| format!("ifindex:{}", end.ifindex));
    let by_owner = |end: &End| end.owner.as_ref().and_then(Owner::selector);
    let is_alone = hits
        .iter()
        .map(|(at, end)| &pairs[*at].ends[*end])
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

/// What to say where several ends are meant.
pub(super) fn several(wanted: &Selector, pairs: &[Pair], hits: &[Hit]) -> Fault {
    let mut candidates: Vec<String> =
        hits.iter().map(|(at, end)| precise(&pairs[*at].ends[*end], pairs, hits)).collect();
    candidates.sort();
    let message = format!("{wanted} names {} veth ends: {}", candidates.len(), candidates.join(", "));
    Fault::not_found(message).fix("name one of them")
}

fn nothing(wanted: &Selector, pairs: &[Pair], names: &[String]) -> Fault {
    let owners = || pairs.iter().flat_map(|pair| &pair.ends).filter_map(|end| end.owner.as_ref());
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
            suggest(names.iter().filter(|name| near(typed, name)).map(|name| format!("pair:{name}")))
        }
        _ => suggest_owner(typed, pairs),
    };
    Fault::not_found(message).fix(suggestion)
}

/// Owners whose name is near to what was typed.
pub(super) fn suggest_owner(typed: &str, pairs: &[Pair]) -> String {
    let owners = pairs.iter().flat_map(|pair| &pair.ends).filter_map(|end| end.owner.as_ref());
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
