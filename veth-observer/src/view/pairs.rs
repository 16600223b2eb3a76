//! Pairs and ends as text.

use comfy_table::{ContentArrangement, Table, presets};

use crate::model::link::{End, Owner, Pair};

/// One line for each pair.
pub fn table(pairs: &[Pair]) -> String {
    if pairs.is_empty() {
        return "no veth pairs\n".into();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let owned = pairs.iter().any(|pair| !owners(pair).is_empty());
    let mut header = vec!["DEVICE", "NETNS", "PEER", "PEER NETNS", "OWNER", "STATE", "MTU"];
    header.retain(|column| owned || *column != "OWNER");
    table.set_header(header);
    for pair in pairs {
        let Pair { ends: [one, other] } = pair;
        let owners = owned.then(|| match owners(pair) {
            none if none.is_empty() => "-".into(),
            owners => owners,
        });
        let places = [
            cell(one),
            one.netns.to_string(),
            cell(other),
            if one.netns == other.netns { "(same)".into() } else { other.netns.to_string() },
        ];
        table.add_row(places.into_iter().chain(owners).chain([state(one, other), mtu(one, other)]));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned() + "\n");
    lines.collect()
}

/// `name (index)`
fn cell(end: &End) -> String {
    match (&end.ifname, end.ifindex) {
        (Some(name), index) => format!("{name} ({index})"),
        (None, 0) => "gone".into(),
        (None, index) => format!("? ({index})"),
    }
}

/// One word when both ends agree.
fn state(one: &End, other: &End) -> String {
    either(one.operstate.as_deref(), other.operstate.as_deref())
}

fn mtu(one: &End, other: &End) -> String {
    let text = |end: &End| end.mtu.map(|mtu| mtu.to_string());
    either(text(one).as_deref(), text(other).as_deref())
}

fn either(one: Option<&str>, other: Option<&str>) -> String {
    match (one, other) {
        (Some(one), Some(other)) if one != other => format!("{one}/{other}"),
        (Some(known), _) | (None, Some(known)) => known.into(),
        (None, None) => "?".into(),
    }
}

/// Who lives at the ends, as it can be asked for.
fn owners(pair: &Pair) -> String {
    let mut owners: Vec<String> =
        pair.ends.iter().filter_map(|end| end.owner.as_ref().and_then(Owner::selector)).collect();
    owners.dedup();
    owners.join(", ")
}

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
    use crate::model::link::Netns;

    fn end(name: &str, ifindex: u32, netns: &str) -> End {
        End {
            ifname: Some(name.into()),
            ifindex,
            netns: Netns { name: Some(netns.into()), ..Netns::default() },
            mtu: Some(1500),
            operstate: Some("up".into()),
            ..End::default()
        }
    }

    #[test]
    fn a_table_says_what_is_the_same_once() {
        let mut hidden = End { ifindex: 7, ..End::default() };
        let pairs = [
            Pair { ends: [end("veth0", 3, "host"), end("veth1", 2, "host")] },
            Pair { ends: [end("veth9", 9, "host"), end("eth0", 2, "blue")] },
            Pair { ends: [end("veth8", 8, "host"), hidden.clone()] },
        ];
        let expected = "\
DEVICE     NETNS  PEER       PEER NETNS         STATE  MTU
veth0 (3)  host   veth1 (2)  (same)             up     1500
veth9 (9)  host   eth0 (2)   blue               up     1500
veth8 (8)  host   ? (7)      another namespace  up     1500
";
        assert_eq!(table(&pairs), expected);
        assert_eq!(table(&[]), "no veth pairs\n");
        hidden.ifindex = 0;
        assert!(table(&[Pair { ends: [end("veth8", 8, "host"), hidden] }]).contains("gone"));
    }

    #[test]
    fn a_column_says_who_lives_there_where_somebody_does() {
        let owner = Owner { name: Some("web".into()), ..Owner::default() };
        let pod = Owner { pod: Some("db-0".into()), namespace: Some("shop".into()), ..Owner::default() };
        let away = |owner: &Owner| End { owner: Some(owner.clone()), ..end("eth0", 2, "pid 7 (sh)") };
        let pairs = [
            Pair { ends: [end("veth0", 3, "host"), away(&owner)] },
            Pair { ends: [away(&pod), away(&owner)] },
            Pair { ends: [end("veth0", 3, "host"), end("veth1", 2, "host")] },
        ];
        let expected = "\
DEVICE     NETNS       PEER       PEER NETNS  OWNER                        STATE  MTU
veth0 (3)  host        eth0 (2)   pid 7 (sh)  container:web                up     1500
eth0 (2)   pid 7 (sh)  eth0 (2)   (same)      pod:shop/db-0, container:web  up     1500
veth0 (3)  host        veth1 (2)  (same)      -                            up     1500
";
        assert_eq!(
            table(&pairs).split_whitespace().collect::<Vec<_>>(),
            expected.split_whitespace().collect::<Vec<_>>()
        );
    }

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
