//! The table of pairs, column by column.

use std::{fmt, str::FromStr};

use comfy_table::{ContentArrangement, Table, presets};

use crate::model::{
    link::{End, Owner, Pair},
    naming::pair_names,
};

/// What can be said of a pair in a word or two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Pair,
    Device,
    Netns,
    Peer,
    PeerNetns,
    Owner,
    Image,
    State,
    Mtu,
    Mac,
    PeerMac,
}

impl Column {
    pub const ALL: [Self; 11] = [
        Self::Pair,
        Self::Device,
        Self::Netns,
        Self::Peer,
        Self::PeerNetns,
        Self::Owner,
        Self::Image,
        Self::State,
        Self::Mtu,
        Self::Mac,
        Self::PeerMac,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Pair => "pair",
            Self::Device => "device",
            Self::Netns => "netns",
            Self::Peer => "peer",
            Self::PeerNetns => "peer-netns",
            Self::Owner => "owner",
            Self::Image => "image",
            Self::State => "state",
            Self::Mtu => "mtu",
            Self::Mac => "mac",
            Self::PeerMac => "peer-mac",
        }
    }

    fn cell(self, name: &str, pair: &Pair) -> String {
        let [one, other] = &pair.ends;
        let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".into());
        match self {
            Self::Pair => name.into(),
            Self::Device => device(one),
            Self::Netns => one.netns.to_string(),
            Self::Peer => device(other),
            Self::PeerNetns if one.netns == other.netns => "(same)".into(),
            Self::PeerNetns => other.netns.to_string(),
            Self::Owner => of_owners(pair, Owner::selector),
            Self::Image => of_owners(pair, |owner| owner.image.clone()),
            Self::State => state(one, other),
            Self::Mtu => mtu(one, other),
            Self::Mac => known(&one.mac),
            Self::PeerMac => known(&other.mac),
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Column {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|column| column.name() == text);
        found.ok_or_else(|| format!("the columns are {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// One line for each pair; the column of owners only where there is one.
pub fn table(pairs: &[Pair]) -> String {
    let has_owner = pairs.iter().flat_map(|pair| &pair.ends).any(|end| end.owner.is_some());
    let mut columns = vec![
        Column::Device,
        Column::Netns,
        Column::Peer,
        Column::PeerNetns,
        Column::Owner,
        Column::State,
        Column::Mtu,
    ];
    columns.retain(|column| has_owner || *column != Column::Owner);
    table_of(pairs, &pair_names(pairs), &columns)
}

/// One line for each pair, which is called as `names` has it, with these columns.
pub fn table_of(pairs: &[Pair], names: &[String], columns: &[Column]) -> String {
    if pairs.is_empty() {
        return "no veth pairs\n".into();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|column| column.name().replace('-', " ").to_uppercase()));
    for (pair, name) in pairs.iter().zip(names) {
        table.add_row(columns.iter().map(|column| column.cell(name, pair)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned() + "\n");
    lines.collect()
}

/// `name (index)`
fn device(end: &End) -> String {
    match (&end.ifname, end.ifindex) {
        (Some(name), index) => format!("{name} ({index})"),
        (None, 0) => "gone".into(),
        (None, index) => format!("? ({index})"),
    }
}

/// Something of who lives at either end.
fn of_owners(pair: &Pair, what: impl Fn(&Owner) -> Option<String>) -> String {
    let mut words: Vec<String> =
        pair.ends.iter().filter_map(|end| end.owner.as_ref().and_then(&what)).collect();
    words.dedup();
    if words.is_empty() { "-".into() } else { words.join(", ") }
}

/// One word when both ends agree.
pub(super) fn state(one: &End, other: &End) -> String {
    either(one.operstate.as_deref(), other.operstate.as_deref())
}

pub(super) fn mtu(one: &End, other: &End) -> String {
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::link::Netns;

    pub(in crate::view) fn end(name: &str, ifindex: u32, netns: &str) -> End {
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
        let web = Owner { name: Some("web".into()), image: Some("nginx:1".into()), ..Owner::default() };
        let pod = Owner { pod: Some("db-0".into()), namespace: Some("shop".into()), ..Owner::default() };
        let away = |owner: &Owner, netns: &str| End { owner: Some(owner.clone()), ..end("eth0", 2, netns) };
        let pairs = [
            Pair { ends: [end("veth0", 3, "host"), away(&web, "pid 7 (sh)")] },
            Pair { ends: [away(&pod, "cni-1"), away(&web, "pid 9 (sh)")] },
            Pair { ends: [end("veth0", 3, "host"), end("veth1", 2, "host")] },
        ];
        let expected = "\
DEVICE     NETNS  PEER       PEER NETNS  OWNER                         STATE  MTU
veth0 (3)  host   eth0 (2)   pid 7 (sh)  container:web                 up     1500
eth0 (2)   cni-1  eth0 (2)   pid 9 (sh)  pod:shop/db-0, container:web  up     1500
veth0 (3)  host   veth1 (2)  (same)      -                             up     1500
";
        assert_eq!(table(&pairs), expected);
        let chosen = table_of(&pairs, &pair_names(&pairs), &[Column::Pair, Column::Image, Column::PeerMac]);
        let lines: Vec<&str> = chosen.lines().collect();
        assert_eq!(lines[0], "PAIR       IMAGE    PEER MAC");
        assert_eq!(lines[2], "shop/db-0  nginx:1  ?");
        assert_eq!(lines[3], "veth1      -        ?");
    }

    #[test]
    fn every_column_is_called_by_its_name() {
        for column in Column::ALL {
            assert_eq!(column.name().parse(), Ok(column));
        }
        assert!("pears".parse::<Column>().unwrap_err().starts_with("the columns are pair, device, "));
    }
}
