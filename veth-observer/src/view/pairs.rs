//! Pairs and ends as text.

use comfy_table::{ContentArrangement, Table, presets};

use crate::model::link::{End, Pair};

/// One line for each pair.
pub fn table(pairs: &[Pair]) -> String {
    if pairs.is_empty() {
        return "no veth pairs\n".into();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["DEVICE", "NETNS", "PEER", "PEER NETNS", "STATE", "MTU"]);
    for Pair { ends: [one, other] } in pairs {
        table.add_row([
            cell(one),
            one.netns.to_string(),
            cell(other),
            if one.netns == other.netns { "(same)".into() } else { other.netns.to_string() },
            state(one, other),
            mtu(one, other),
        ]);
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

/// `veth1 (ifindex 2) in netns blue`
pub fn place(end: &End) -> String {
    format!("{} in netns {}", with_index(end), end.netns)
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
    fn a_line_is_a_sentence() {
        let pair = Pair { ends: [end("veth0", 3, "host"), end("veth1", 2, "host")] };
        assert_eq!(line(&pair), "veth0 (ifindex 3) <-> veth1 (ifindex 2), mtu 1500, both up");
        let mut pair = Pair { ends: [end("veth0", 3, "host"), end("eth0", 2, "blue")] };
        pair.ends[1].operstate = Some("down".into());
        assert_eq!(line(&pair), "veth0 (ifindex 3) <-> eth0 (ifindex 2) in netns blue, mtu 1500, up/down");
    }
}
