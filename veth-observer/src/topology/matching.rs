//! Whether a pair is one of those that a selector means. Pure.

use super::{
    glob,
    selector::{EndSelector, Scope, Selector},
};
use crate::model::link::{End, Netns, Owner, Pair};

/// How an owner is meant, the nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    Name,
    /// By one of the containers of the pod.
    Member,
    Id,
}

/// In a list of selectors an id has at least as many digits as runtimes print: `container:a` there is a name.
const ID_DIGITS: usize = 12;

impl Selector {
    /// Whether one end of the pair is meant; for lists of selectors, where each may mean several pairs.
    ///
    /// `name` is what the pair is called. Alternative names of devices are not known here, and a process only where it
    /// gives its namespace the name.
    pub fn matches(&self, pair: &Pair, name: &str) -> bool {
        if let Scope::Pair(wanted) = &self.scope {
            return glob::matches(wanted, name);
        }
        pair.ends.iter().any(|end| self.names_end(end) && self.is_home_of(end))
    }

    fn is_home_of(&self, end: &End) -> bool {
        match &self.scope {
            Scope::Anywhere => true,
            Scope::Netns(place) => is_netns(place, &end.netns),
            _ => match end.owner.as_ref().and_then(|owner| self.fit(owner)) {
                Some(Fit::Id) => matches!(&self.scope, Scope::Container(id) if id.len() >= ID_DIGITS),
                fit => fit.is_some(),
            },
        }
    }

    /// Whether the end itself is meant, wherever it is.
    pub(super) fn names_end(&self, end: &End) -> bool {
        match &self.end {
            EndSelector::Any => true,
            EndSelector::Name(name) => end.ifname.as_ref().is_some_and(|ifname| glob::matches(name, ifname)),
            EndSelector::Index(index) => end.ifindex == *index,
        }
    }

    /// How an owner is meant, if it is.
    pub(super) fn fit(&self, owner: &Owner) -> Option<Fit> {
        let is = |pattern: &str, name: &Option<String>| {
            name.as_ref().is_some_and(|name| glob::matches(pattern, name))
        };
        match &self.scope {
            Scope::Container(name) if is(name, &owner.name) => Some(Fit::Name),
            Scope::Container(name) if owner.containers.iter().any(|member| glob::matches(name, member)) => {
                Some(Fit::Member)
            }
            Scope::Container(id) if owner.id.as_ref().is_some_and(|whole| whole.starts_with(id.as_str())) => {
                Some(Fit::Id)
            }
            Scope::Pod { namespace, name } if is(name, &owner.pod) => {
                let fits = namespace.as_ref().is_none_or(|namespace| is(namespace, &owner.namespace));
                fits.then_some(Fit::Name)
            }
            _ => None,
        }
    }
}

pub(super) fn is_netns(place: &str, netns: &Netns) -> bool {
    let name = netns.name.as_deref();
    if let Some(pid) = place.strip_prefix("pid:") {
        return name
            .is_some_and(|name| name == format!("pid {pid}") || name.starts_with(&format!("pid {pid} (")));
    }
    let place = place.strip_prefix("/run/netns/").unwrap_or(place);
    name.is_some_and(|name| glob::matches(place, name))
        || (netns.inode.is_some() && place.parse().ok() == netns.inode)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::naming::pair_name;

    fn means(text: &str, pair: &Pair) -> bool {
        text.parse::<Selector>().unwrap().matches(pair, &pair_name(pair))
    }

    fn pair() -> Pair {
        let owner = Owner {
            id: Some("3f9c1d2a77b04c5c8f1e6a2b9d0e7f3a4b5c6d7e8f90a1b2c3d4e5f607182930".into()),
            name: Some("web".into()),
            containers: vec!["side".into(), "web".into()],
            ..Owner::default()
        };
        let host = Netns { name: Some("host".into()), inode: Some(1), cookie: None };
        let away = Netns { name: Some("pid 7 (nginx)".into()), inode: Some(4_026_532_183), cookie: None };
        let one = End { ifname: Some("veth1a2b".into()), ifindex: 9, netns: host, ..End::default() };
        let other = End {
            ifname: Some("eth0".into()),
            ifindex: 2,
            netns: away,
            owner: Some(owner),
            ..End::default()
        };
        Pair { ends: [one, other] }
    }

    fn pod() -> Pair {
        let mut pair = pair();
        let pod = Owner { pod: Some("db-0".into()), namespace: Some("shop".into()), ..Owner::default() };
        pair.ends[1].owner = Some(pod);
        pair
    }

    #[test]
    fn a_pair_is_meant_by_either_end_and_by_who_lives_there() {
        for text in [
            "veth1a2b",
            "veth*",
            "eth?",
            "ifindex:9",
            "netns:host/veth*",
            "netns:4026532183/eth0",
            "netns:pid:7/eth0",
            "netns:pid*/*",
            "container:web",
            "container:w*",
            "container:side",
            "container:web/eth0",
            "container:3f9c1d2a77b0",
            "pair:web",
            "pair:w*",
        ] {
            assert!(means(text, &pair()), "{text}");
        }
        for text in [
            "veth1",
            "ifindex:3",
            "netns:host/eth0",
            "netns:blue/eth0",
            "netns:pid:70/eth0",
            "container:we",
            "container:3f9c",
            "container:web/eth1",
            "container:web/veth*",
            "pod:web",
            "pair:veth1a2b",
        ] {
            assert!(!means(text, &pair()), "{text}");
        }
    }

    #[test]
    fn a_pod_is_meant_with_and_without_its_namespace() {
        for text in
            ["pod:db-0", "pod:shop/db-0", "pod:shop/*", "pod:s*/db-?", "pod:shop/db-0/eth0", "pair:shop/*"]
        {
            assert!(means(text, &pod()), "{text}");
        }
        for text in ["pod:db", "pod:other/db-0", "pod:shop/db-0/eth1", "container:db-0", "pair:db-0"] {
            assert!(!means(text, &pod()), "{text}");
        }
    }

    #[test]
    fn a_name_fits_better_than_an_id() {
        let owner = pair().ends[1].owner.clone().unwrap();
        let fit = |text: &str| text.parse::<Selector>().unwrap().fit(&owner);
        assert_eq!(fit("container:web"), Some(Fit::Name));
        assert_eq!(fit("container:side"), Some(Fit::Member));
        assert_eq!(fit("container:3f"), Some(Fit::Id));
        assert_eq!(fit("container:x"), None);
    }
}
