//! What a pair is called where it needs one name: in metrics, in reports of many pairs, and to ask for it again.
//!
//! The first that there is of: pod, container, namespace and device, device. A veth name alone says nothing, and the
//! next container has another.

use std::collections::HashMap;

use super::link::{End, HOST, Netns, Owner, Pair};

/// What runtimes call the first interface of a container; it needs no mention.
const FIRST: &str = "eth0";

/// The name of a pair, the same whichever end stands first:
///
/// * `shop/db-0`, namespace and name of the pod at one end;
/// * `web`, the name of the container at one end, or the beginning of its id;
/// * `blue/eth0`, the device at an end that is not the machine's;
/// * `veth0`, for a pair that does not leave the machine's namespace, the device of lower index.
///
/// A container's interface that is not `eth0` is named along: `web/eth1`. A pair between two containers or two pods is
/// called after both: `db+web`. Names of different pairs may still be the same: [`pair_names`].
pub fn pair_name(pair: &Pair) -> String {
    let residents = pair.ends.each_ref().map(resident);
    match residents {
        [Some((one, a)), Some((other, b))] if one == other => {
            let (first, second) = if a <= b { (a, b) } else { (b, a) };
            format!("{first}+{second}")
        }
        [Some((one, a)), Some((other, b))] => {
            if one < other {
                a
            } else {
                b
            }
        }
        [Some((_, name)), None] | [None, Some((_, name))] => name,
        [None, None] => away(pair).unwrap_or_else(|| device(pair)),
    }
}

/// What is lived in by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Resident {
    Pod,
    Container,
}

fn resident(end: &End) -> Option<(Resident, String)> {
    let owner = end.owner.as_ref()?;
    let (kind, name) = match (&owner.pod, &owner.namespace) {
        (Some(pod), Some(namespace)) => (Resident::Pod, format!("{namespace}/{pod}")),
        (Some(pod), None) => (Resident::Pod, pod.clone()),
        (None, _) => (Resident::Container, owner.name.as_deref().or(owner.short_id())?.to_owned()),
    };
    match end.ifname.as_deref() {
        Some(ifname) if ifname != FIRST => Some((kind, format!("{name}/{ifname}"))),
        _ => Some((kind, name)),
    }
}

/// Namespace and device of an end that is not in the machine's own.
fn away(pair: &Pair) -> Option<String> {
    let is_away = |end: &&End| end.netns != Netns::default() && end.netns.name.as_deref() != Some(HOST);
    let named = |end: &End| format!("{}/{}", end.netns, end.label());
    let [one, other] = &pair.ends;
    if one.netns == other.netns {
        return is_away(&one).then(|| format!("{}/{}", one.netns, device(pair)));
    }
    pair.ends.iter().filter(is_away).map(named).min()
}

/// The device of lower index that can be seen.
fn device(pair: &Pair) -> String {
    let [one, other] = &pair.ends;
    let key = |end: &End| (end.ifname.is_none(), end.ifindex);
    if key(one) <= key(other) { one.label() } else { other.label() }
}

/// The names of several pairs, no two the same.
pub fn pair_names(pairs: &[Pair]) -> Vec<String> {
    told_apart(pairs.iter().map(pair_name).collect(), pairs)
}

/// Names of pairs, in their order, no two the same.
///
/// Where names are, each of them gets something that tells it apart, whatever the order: `@` and the beginning of the
/// container's id (`web@3f9c1d2a77b0`), and if that is not enough, namespace and index of both ends.
pub fn told_apart(mut names: Vec<String>, pairs: &[Pair]) -> Vec<String> {
    for more in [by_id, by_place] {
        let mut count: HashMap<&String, usize> = HashMap::new();
        for name in &names {
            *count.entry(name).or_default() += 1;
        }
        let is_shared: Vec<bool> = names.iter().map(|name| count[name] > 1).collect();
        for ((name, pair), _) in
            names.iter_mut().zip(pairs).zip(is_shared).filter(|(_, is_shared)| *is_shared)
        {
            *name = format!("{name}{}", more(pair));
        }
    }
    names
}

fn by_id(pair: &Pair) -> String {
    let mut ids: Vec<&str> =
        pair.ends.iter().filter_map(|end| end.owner.as_ref().and_then(Owner::short_id)).collect();
    ids.sort_unstable();
    ids.iter().flat_map(|id| ["@", id]).collect()
}

fn by_place(pair: &Pair) -> String {
    let place = |end: &End| {
        let number = end.netns.cookie.or(end.netns.inode).unwrap_or_default();
        format!("@{number}.{}", end.ifindex)
    };
    let mut places = pair.ends.each_ref().map(place);
    places.sort_unstable();
    places.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(ifname: &str, ifindex: u32, netns: &str) -> End {
        let netns = Netns { name: Some(netns.into()), inode: Some(netns.len() as u64), cookie: None };
        End { ifname: Some(ifname.into()), ifindex, netns, ..End::default() }
    }

    fn owned(end: End, owner: Owner) -> End {
        End { owner: Some(owner), ..end }
    }

    fn container(name: &str) -> Owner {
        let id = format!("{:0<64}", name.bytes().fold(String::new(), |id, byte| format!("{id}{byte:x}")));
        Owner { name: Some(name.into()), id: Some(id), ..Owner::default() }
    }

    fn pod(namespace: Option<&str>, name: &str) -> Owner {
        Owner { pod: Some(name.into()), namespace: namespace.map(str::to_owned), ..Owner::default() }
    }

    #[track_caller]
    fn is(one: End, other: End, name: &str) {
        assert_eq!(pair_name(&Pair { ends: [one.clone(), other.clone()] }), name);
        assert_eq!(pair_name(&Pair { ends: [other, one] }), name, "the other way around");
    }

    #[test]
    fn who_lives_there_comes_before_where_it_is() {
        let host = || end("veth1a2b", 9, "host");
        is(host(), owned(end("eth0", 2, "pid 7 (sh)"), container("web")), "web");
        is(host(), owned(end("eth1", 3, "pid 7 (sh)"), container("web")), "web/eth1");
        is(host(), owned(end("eth0", 2, "cni-1"), pod(Some("shop"), "db-0")), "shop/db-0");
        is(host(), owned(end("net1", 2, "cni-1"), pod(Some("shop"), "db-0")), "shop/db-0/net1");
        is(host(), owned(end("eth0", 2, "cni-1"), pod(None, "shop")), "shop");
        let unnamed = Owner { id: Some("ab".repeat(32)), ..Owner::default() };
        is(host(), owned(end("eth0", 2, "x"), unnamed), "abababababab");
    }

    #[test]
    fn the_nearer_name_of_two() {
        let inner = owned(end("eth0", 2, "cni-1"), pod(Some("shop"), "db-0"));
        is(owned(end("veth9", 9, "node"), container("node")), inner, "shop/db-0");
        let (a, b) =
            (owned(end("eth0", 2, "a"), container("web")), owned(end("eth0", 2, "b"), container("db")));
        is(a, b, "db+web");
    }

    #[test]
    fn without_an_owner_the_namespace_and_the_device() {
        is(end("veth1", 9, "host"), end("eth0", 2, "blue"), "blue/eth0");
        is(end("web0", 9, "red"), end("eth0", 2, "blue"), "blue/eth0");
        is(end("a", 9, "blue"), end("b", 2, "blue"), "blue/b");
        is(end("a", 9, "host"), end("b", 2, "host"), "b");
        is(end("a", 2, "host"), End { ifindex: 7, ..End::default() }, "a");
        is(end("a", 8, "host"), End { ifindex: 7, ..End::default() }, "a");
        let nameless = Netns { inode: Some(4), ..Netns::default() };
        is(end("a", 9, "host"), End { netns: nameless, ..end("eth0", 2, "") }, "net:[4]/eth0");
        is(end("a", 8, "host"), End { ifindex: 7, ..end("x", 7, "blue") }, "blue/x");
    }

    #[test]
    fn no_two_pairs_share_a_name() {
        let pair = |one: End, other: End| Pair { ends: [one, other] };
        let with = |owner: Owner, at: u32| pair(end("v", at, "host"), owned(end("eth0", 2, "c"), owner));
        let docker = container("web");
        let podman = Owner { id: Some("f".repeat(64)), ..container("web") };
        let pairs = [with(docker.clone(), 3), with(podman, 4), with(container("db"), 5)];
        assert_eq!(pair_names(&pairs), ["web@776562000000", "web@ffffffffffff", "db"]);
        let mut reversed = pairs.clone();
        reversed.reverse();
        assert_eq!(pair_names(&reversed), ["db", "web@ffffffffffff", "web@776562000000"]);
        // The same container in two namespaces can only be a mistake of ours, and is told apart all the same.
        let twice = [with(docker.clone(), 3), with(docker, 4)];
        let names = pair_names(&twice);
        assert_eq!(names, ["web@776562000000@1.2@4.3", "web@776562000000@1.2@4.4"]);
        // Namespaces of one name in two places.
        let (mut one, mut two) = (end("eth0", 2, "blue"), end("eth0", 2, "blue"));
        (one.netns.inode, two.netns.inode) = (Some(70), Some(71));
        let names = pair_names(&[pair(end("a", 3, "host"), one), pair(end("b", 4, "host"), two)]);
        assert_eq!(names, ["blue/eth0@4.3@70.2", "blue/eth0@4.4@71.2"]);
    }
}
