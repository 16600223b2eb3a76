//! From what was typed to one of the pairs that somebody else saw, whose ends may be out of our own sight.

use super::{
    by_owner,
    matching::is_netns,
    nearness::near,
    select::exact,
    selector::{EndSelector, Scope, Selector},
};
use crate::{
    fault::Fault,
    model::link::{End, Netns, Pair},
    netns::Namespace,
};

/// The one of these pairs that `selector` names, and which of its ends; `names` is what the pairs are called.
///
/// A name means the end in the caller's own namespace, else one anywhere, as in [`super::select`]. None or several:
/// [`Kind::NotFound`](crate::fault::Kind::NotFound), with what comes near.
pub fn among(selector: &str, pairs: &[Pair], names: &[String]) -> Result<(usize, usize), Fault> {
    let wanted: Selector = selector.parse()?;
    let hits = match &wanted.scope {
        Scope::Container(_) | Scope::Pod { .. } | Scope::Pair(_) => {
            return by_owner::pick(&wanted, pairs, names);
        }
        Scope::Netns(place) => {
            let meant = Namespace::by_name(place).ok();
            let is_there = |end: &End| {
                is_netns(place, &end.netns) || meant.as_ref().is_some_and(|meant| same(&meant.id, &end.netns))
            };
            hits(&wanted, pairs, is_there)
        }
        Scope::Anywhere => {
            let own = Namespace::current().map(|own| own.id).unwrap_or_default();
            let here = hits(&wanted, pairs, |end| same(&own, &end.netns));
            if here.is_empty() { hits(&wanted, pairs, |_| true) } else { here }
        }
    };
    match hits[..] {
        [hit] => Ok(hit),
        [] => {
            Err(Fault::not_found(format!("there is no veth end {wanted}"))
                .fix(suggestion(&wanted, pairs, names)))
        }
        _ => Err(by_owner::several(&wanted, pairs, &hits)),
    }
}

fn hits(wanted: &Selector, pairs: &[Pair], is_there: impl Fn(&End) -> bool) -> Vec<(usize, usize)> {
    let ends =
        pairs.iter().enumerate().flat_map(|(at, pair)| (0..).zip(&pair.ends).map(move |end| (at, end)));
    ends.filter(|(_, (_, end))| wanted.names_end(end) && is_there(end))
        .map(|(at, (end, _))| (at, end))
        .collect()
}

/// By the cookie, which is never given twice, where both have it.
fn same(one: &Netns, other: &Netns) -> bool {
    match (one.cookie, other.cookie) {
        (Some(one), Some(other)) => one == other,
        _ => one.inode.is_some() && one.inode == other.inode,
    }
}

/// How many are named to choose from.
const FEW: usize = 3;

fn suggestion(wanted: &Selector, pairs: &[Pair], names: &[String]) -> String {
    let typed = match &wanted.end {
        EndSelector::Name(name) => name.as_str(),
        EndSelector::Any | EndSelector::Index(_) => "",
    };
    let ends = pairs.iter().flat_map(|pair| &pair.ends);
    let visible = ends.filter_map(|end| Some((end, end.ifname.as_deref()?)));
    let mut close: Vec<String> =
        visible.filter(|(_, name)| near(typed, name)).map(|(end, name)| exact(&end.netns, name)).collect();
    close.sort();
    close.truncate(FEW);
    if !close.is_empty() {
        return format!("did you mean {}?", close.join(", "));
    }
    let some: Vec<String> = names.iter().take(FEW).map(|name| format!("pair:{name}")).collect();
    match names.len().saturating_sub(FEW) {
        _ if some.is_empty() => "there are no pairs; `veth-observer list` shows those of this host".into(),
        0 => format!("name one of {}", some.join(", ")),
        more => format!("name one of {} or of {more} others", some.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fault::Kind, model::naming::pair_names};

    fn end(ifname: &str, ifindex: u32, inode: u64) -> End {
        let netns = Netns { name: Some(format!("ns{inode}")), inode: Some(inode), cookie: None };
        End { ifname: Some(ifname.into()), ifindex, netns, ..End::default() }
    }

    #[test]
    fn a_name_means_the_one_here_else_the_one_anywhere() {
        let own = Namespace::current().unwrap().id.inode.unwrap();
        let pairs = [
            Pair { ends: [end("veth0", 3, 1), end("eth0", 2, 2)] },
            Pair { ends: [end("veth0", 4, own), end("eth0", 2, 5)] },
            Pair { ends: [end("veth7", 5, 1), end("eth1", 3, 2)] },
        ];
        let names = pair_names(&pairs);
        let find = |selector: &str| among(selector, &pairs, &names);
        for (selector, hit) in [
            ("veth0", (1, 0)),
            ("veth7", (2, 0)),
            ("eth1", (2, 1)),
            ("netns:ns1/veth0", (0, 0)),
            ("netns:5/eth0", (1, 1)),
            ("ifindex:5", (2, 0)),
            ("pair:ns1/veth0", (0, 0)),
        ] {
            let found = find(selector);
            assert!(found.as_ref().is_ok_and(|found| *found == hit), "{selector}: {found:?}, {names:?}");
        }
        for (selector, message, fix) in [
            ("eth0", "eth0 names 2 veth ends: ", "name one of them"),
            ("veth8", "there is no veth end veth8", "did you mean netns:"),
            ("wlan", "there is no veth end wlan", "name one of pair:"),
            ("netns:ns9/x", "there is no veth end netns:ns9/x", "name one of pair:"),
        ] {
            let fault = find(selector).unwrap_err();
            assert_eq!(fault.kind, Kind::NotFound);
            assert!(fault.message.starts_with(message), "{}", fault.message);
            assert!(fault.fix.as_ref().is_some_and(|said| said.starts_with(fix)), "{:?}", fault.fix);
        }
        assert_eq!(find("what:ever").unwrap_err().kind, Kind::Usage);
        assert!(among("x", &[], &[]).unwrap_err().fix.unwrap().starts_with("there are no pairs"));
    }
}
