//! Pairs and ends as text.

use super::columns::{mtu, state};
use crate::model::link::{End, Owner, Pair};

/// `veth1 (ifindex 2) in netns blue`, and who lives there: `, container web (docker 3f9c1d2a77b0), pid 20417`
pub fn place(end: &End) -> String {
    let Some(owner) = &end.owner else { return format!("{} in netns {}", with_index(end), end.netns) };
    // A namespace that is called after a process says no more than its owner.
    let by_process = end.netns.name.as_ref().is_some_and(|name| name.starts_with("pid "));
    let netns = match end.netns.inode {
        Some(inode) if by_process => inode.to_string(),
        _ => end.netns.to_string(),
    };
    format!("{} in netns {netns}{}", with_index(end), resident(owner))
}

fn resident(owner: &Owner) -> String {
    let mut text = match (&owner.pod, &owner.namespace, &owner.name) {
        (Some(pod), Some(namespace), _) => format!(", pod {namespace}/{pod}"),
        (Some(pod), None, _) => format!(", pod {pod}"),
        (None, _, Some(name)) => format!(", container {name}"),
        (None, _, None) => ", container".into(),
    };
    let known = [owner.runtime.as_deref(), owner.short_id().filter(|id| Some(*id) != owner.name.as_deref())];
    let known: Vec<&str> = known.into_iter().flatten().collect();
    if !known.is_empty() {
        text = format!("{text} ({})", known.join(" "));
    }
    if owner.pod.is_some() && !owner.containers.is_empty() {
        text = format!("{text} of {}", owner.containers.join(", "));
    }
    owner.pid.map_or_else(|| text.clone(), |pid| format!("{text}, pid {pid}"))
}

/// `veth1 (ifindex 2)`
pub fn with_index(end: &End) -> String {
    match &end.ifname {
        Some(name) => format!("{name} (ifindex {})", end.ifindex),
        None => end.label(),
    }
}

/// `veth0 (ifindex 3) <-> veth1 (ifindex 2) in netns blue, mtu 1500, both up`
pub fn line(pair: &Pair) -> String {
    let [one, other] = &pair.ends;
    let place_other = if one.netns == other.netns { with_index(other) } else { place(other) };
    let states = match (one.operstate.as_deref(), other.operstate.as_deref()) {
        (Some(one), Some(other)) if one == other => format!("both {one}"),
        _ => state(one, other),
    };
    format!("{} <-> {place_other}, mtu {}, {states}", with_index(one), mtu(one, other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::link::Netns, view::columns::tests::end};

    #[test]
    fn a_place_says_who_lives_there() {
        let mut owner = Owner {
            runtime: Some("docker".into()),
            id: Some("3f9c1d2a77b04c5c8f1e6a2b9d0e7f3a4b5c6d7e8f90a1b2c3d4e5f607182930".into()),
            name: Some("web".into()),
            pid: Some(20_417),
            ..Owner::default()
        };
        let said = |owner: &Owner| place(&End { owner: Some(owner.clone()), ..end("eth0", 2, "blue") });
        let docker = "eth0 (ifindex 2) in netns blue, container web (docker 3f9c1d2a77b0), pid 20417";
        assert_eq!(said(&owner), docker);
        let unnamed =
            Netns { inode: Some(4_026_532_457), name: Some("pid 20417 (nginx)".into()), cookie: None };
        let place = place(&End { owner: Some(owner.clone()), netns: unnamed, ..end("eth0", 2, "") });
        assert!(place.starts_with("eth0 (ifindex 2) in netns 4026532457, container web"), "{place}");
        owner.name = None;
        assert!(said(&owner).ends_with(", container (docker 3f9c1d2a77b0), pid 20417"));
        (owner.pod, owner.namespace) = (Some("db-0".into()), Some("shop".into()));
        owner.containers = vec!["app".into(), "side".into()];
        assert!(said(&owner).ends_with(", pod shop/db-0 (docker 3f9c1d2a77b0) of app, side, pid 20417"));
        let lxc = Owner {
            runtime: Some("lxc".into()),
            id: Some("c1".into()),
            name: Some("c1".into()),
            ..Owner::default()
        };
        assert!(said(&lxc).ends_with(", container c1 (lxc)"));
    }

    #[test]
    fn a_line_is_a_sentence() {
        let pair = Pair { ends: [end("veth0", 3, "host"), end("veth1", 2, "host")] };
        assert_eq!(line(&pair), "veth0 (ifindex 3) <-> veth1 (ifindex 2), mtu 1500, both up");
        let mut pair = Pair { ends: [end("veth0", 3, "host"), end("eth0", 2, "blue")] };
        pair.ends[1].operstate = Some("down".into());
        assert_eq!(line(&pair), "veth0 (ifindex 3) <-> eth0 (ifindex 2) in netns blue, mtu 1500, up/down");
    }
}
