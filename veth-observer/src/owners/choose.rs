//! Who of those in a namespace is its owner. Pure.

use super::details::{Details, Network};
use crate::model::link::{Owner, short};

/// A container that has a process in the namespace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tenant<'a> {
    pub(super) details: &'a Details,
    /// Its lowest process there.
    pub(super) pid: u32,
    /// How many containers it is in, itself included.
    pub(super) depth: usize,
}

/// The container that the namespace was made for, and its pod; none when nobody's was.
pub(super) fn owner(tenants: &[Tenant<'_>]) -> Option<Owner> {
    // A container that takes what network there is finds itself in that of another, when it was started from there.
    let tenants = || tenants.iter().filter(|tenant| tenant.details.network != Network::Host);
    let first = tenants().min_by_key(|tenant| {
        (tenant.details.network, !tenant.details.is_sandbox, tenant.depth, tenant.pid)
    })?;
    let details = first.details;
    let containers = || tenants().filter(|tenant| !tenant.details.is_sandbox);
    let label = |tenant: &Tenant<'_>| {
        tenant.details.name.clone().unwrap_or_else(|| short(&tenant.details.id).to_owned())
    };
    let mut names: Vec<String> = containers().map(label).collect();
    names.sort();
    names.dedup();
    let in_pod = details.pod.is_some() || details.is_sandbox;
    let only = containers().next().filter(|_| containers().count() == 1);
    Some(Owner {
        runtime: details.runtime.map(str::to_owned),
        id: Some(details.sandbox.as_ref().filter(|_| in_pod).unwrap_or(&details.id).clone()),
        name: details.name.clone().filter(|_| !in_pod),
        pod: details.pod.clone(),
        namespace: details.namespace.clone(),
        pid: Some(first.pid),
        image: if in_pod { only.and_then(|only| only.details.image.clone()) } else { details.image.clone() },
        containers: names,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(id: &str, network: Network) -> Details {
        Details {
            runtime: Some("containerd"),
            id: id.into(),
            name: Some(format!("name-{id}")),
            image: Some(format!("image-{id}")),
            network,
            ..Details::default()
        }
    }

    fn among(containers: &[(&Details, u32, usize)]) -> Option<Owner> {
        let tenants: Vec<_> =
            containers.iter().map(|&(details, pid, depth)| Tenant { details, pid, depth }).collect();
        owner(&tenants)
    }

    #[test]
    fn a_container_alone_is_the_owner() {
        let owner = among(&[(&container("a", Network::Own), 7, 1)]).unwrap();
        assert_eq!((owner.name.as_deref(), owner.pid), (Some("name-a"), Some(7)));
        assert_eq!(owner.image.as_deref(), Some("image-a"));
        assert_eq!(owner.containers, ["name-a"]);
        assert_eq!(among(&[]), None);
    }

    #[test]
    fn who_joined_is_a_guest_whatever_its_process() {
        let (own, joined) = (container("own", Network::Own), container("joined", Network::Joined));
        let owner = among(&[(&joined, 3, 1), (&own, 9, 1)]).unwrap();
        assert_eq!((owner.id.as_deref(), owner.pid), (Some("own"), Some(9)));
        assert_eq!(owner.containers, ["name-joined", "name-own"]);
    }

    #[test]
    fn the_sandbox_speaks_for_the_pod() {
        let in_pod = |id: &str, is_sandbox, network| Details {
            pod: Some("db-0".into()),
            namespace: Some("shop".into()),
            sandbox: Some("pause".into()),
            is_sandbox,
            ..container(id, network)
        };
        let pause = in_pod("pause", true, Network::Own);
        let (app, car) = (in_pod("app", false, Network::Joined), in_pod("car", false, Network::Joined));
        let owner = among(&[(&pause, 5, 1), (&app, 6, 1), (&car, 8, 1)]).unwrap();
        assert_eq!((owner.pod.as_deref(), owner.namespace.as_deref()), (Some("db-0"), Some("shop")));
        assert_eq!((owner.name, owner.id.as_deref()), (None, Some("pause")));
        assert_eq!((owner.containers.len(), owner.image), (2, None));
        // CRI-O lets no sandbox run where nothing needs its process.
        let alone = among(&[(&app, 6, 1)]).unwrap();
        assert_eq!((alone.id.as_deref(), alone.image.as_deref()), (Some("pause"), Some("image-app")));
    }

    #[test]
    fn a_guest_from_the_host_network_of_a_node_owns_nothing() {
        let (node, proxy) = (container("node", Network::Own), container("proxy", Network::Host));
        let owner = among(&[(&proxy, 3, 2), (&node, 9, 1)]).unwrap();
        assert_eq!(owner.id.as_deref(), Some("node"));
        assert_eq!(owner.containers, ["name-node"]);
        assert_eq!(among(&[(&proxy, 3, 2)]), None);
    }

    #[test]
    fn with_nothing_but_cgroups_the_outermost_and_then_the_first_is_the_owner() {
        let (a, b) = (container("a", Network::Unknown), container("b", Network::Unknown));
        assert_eq!(among(&[(&a, 3, 2), (&b, 9, 1)]).unwrap().id.as_deref(), Some("b"));
        assert_eq!(among(&[(&a, 9, 1), (&b, 3, 1)]).unwrap().id.as_deref(), Some("b"));
    }
}
