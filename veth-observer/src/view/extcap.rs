//! What Wireshark asks an external capture program for, in the sentences that it understands (extcap(4)).

use std::fmt::Write as _;

use crate::model::link::{End, Netns, Pair};

/// One pair in Wireshark's list of interfaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// What `tshark -i` takes and Wireshark keeps in its preferences: the same for as long as the names are. It goes into
    /// the name of a file.
    pub value: String,
    /// The same by either end.
    pub aliases: [String; 2],
    pub display: String,
    pub pair: Pair,
}

/// Every pair as an interface.
pub fn interfaces(pairs: &[Pair]) -> Vec<Interface> {
    let mut interfaces: Vec<Interface> = pairs.iter().map(interface).collect();
    let values: Vec<String> = interfaces.iter().map(|interface| interface.value.clone()).collect();
    for interface in &mut interfaces {
        if values.iter().filter(|value| **value == interface.value).count() > 1 {
            let end = &interface.pair.ends[named(&interface.pair)];
            interface.value = format!("{}-{}-{}", interface.value, end.netns.inode.unwrap_or(0), end.ifindex);
        }
    }
    interfaces
}

/// The interface that is called so.
pub fn find<'a>(interfaces: &'a [Interface], value: &str) -> Option<&'a Interface> {
    let by_value = interfaces.iter().find(|interface| interface.value == value);
    by_value.or_else(|| {
        let mut called = interfaces.iter().filter(|one| one.aliases.iter().any(|alias| alias == value));
        called.next().filter(|_| called.next().is_none())
    })
}

/// Answers `--extcap-interfaces`.
pub fn list(interfaces: &[Interface], version: &str) -> String {
    let mut text = sentence("extcap", &[("version", version), ("help", env!("CARGO_PKG_REPOSITORY"))]);
    for interface in interfaces {
        text += &sentence("interface", &[("value", &interface.value), ("display", &interface.display)]);
    }
    text
}

/// Answers `--extcap-dlts`.
pub fn link_types() -> String {
    sentence("dlt", &[("number", "1"), ("name", "EN10MB"), ("display", "Ethernet")])
}

/// Answers `--extcap-config`; `snaplen` are the least and the most.
pub fn options(snaplen: [u32; 2]) -> String {
    let (range, default) = (format!("{},{}", snaplen[0], snaplen[1]), snaplen[1].to_string());
    let length = [
        ("number", "0"),
        ("call", "--snaplen"),
        ("display", "Snap length"),
        ("tooltip", "Bytes to keep of each frame"),
        ("type", "unsigned"),
        ("range", &range),
        ("default", &default),
    ];
    let rate = [
        ("number", "1"),
        ("call", "--sample"),
        ("display", "Sampling"),
        ("tooltip", "Take one buffer in N"),
        ("type", "string"),
        ("validation", "^1/[1-9][0-9]*$"),
        ("default", "1/1"),
    ];
    sentence("arg", &length) + &sentence("arg", &rate)
}

fn sentence(word: &str, parts: &[(&str, &str)]) -> String {
    let mut text = format!("{word} ");
    for (key, value) in parts {
        let _ = write!(text, "{{{key}={}}}", inside(value));
    }
    text + "\n"
}

/// A brace or a line end would end the part.
fn inside(text: &str) -> String {
    let replace = |c: char| match c {
        '{' => '(',
        '}' => ')',
        c if c.is_control() => '?',
        c => c,
    };
    text.chars().map(replace).collect()
}

fn interface(pair: &Pair) -> Interface {
    let aliases = pair.ends.each_ref().map(value);
    let (named, other) = (named(pair), 1 - named(pair));
    let [one, two] = [&pair.ends[named], &pair.ends[other]];
    let far = match (owner(two), two.netns == one.netns) {
        (Some(owner), _) => format!("{owner} {}", two.label()),
        (None, true) => two.label(),
        (None, false) if owner(one).is_some() => two.label(),
        (None, false) => format!("{} {}", two.netns, two.label()),
    };
    let near = owner(one).unwrap_or_else(|| one.netns.to_string());
    Interface {
        value: aliases[named].clone(),
        aliases,
        display: format!("veth-observer: {near} {} \u{2194} {far}", one.label()),
        pair: pair.clone(),
    }
}

/// The end that gives the pair its name: the one whose name is most likely to be there again tomorrow.
fn named(pair: &Pair) -> usize {
    let rank = |end: &End| match (owner(end), place(&end.netns)) {
        _ if end.ifname.is_none() => 0,
        (Some(_), _) => 4,
        (None, Some(HOST)) => 2,
        (None, Some(_)) => 3,
        (None, None) => 1,
    };
    usize::from(rank(&pair.ends[1]) > rank(&pair.ends[0]))
}

const HOST: &str = "host";

/// `web (docker)`
fn owner(end: &End) -> Option<String> {
    let owner = end.owner.as_ref()?;
    let name = match (&owner.namespace, &owner.pod, &owner.name) {
        (Some(namespace), Some(pod), _) => format!("{namespace}/{pod}"),
        (None, Some(pod), _) => pod.clone(),
        (_, None, Some(name)) => name.clone(),
        (_, None, None) => return None,
    };
    Some(match &owner.runtime {
        Some(runtime) => format!("{name} ({runtime})"),
        None => name,
    })
}

/// The lasting name of a namespace.
fn place(netns: &Netns) -> Option<&str> {
    netns.name.as_deref().filter(|name| !name.starts_with("pid "))
}

fn value(end: &End) -> String {
    let known = end.owner.as_ref().and_then(|owner| owner.pod.as_ref().or(owner.name.as_ref()));
    let place = known.map(String::as_str).or(place(&end.netns)).map(str::to_owned);
    let place =
        place.unwrap_or_else(|| end.netns.inode.map_or_else(|| "?".into(), |inode| inode.to_string()));
    let device = end.ifname.clone().unwrap_or_else(|| end.ifindex.to_string());
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    format!("vo-{place}-{device}").chars().map(plain).collect()
}

#[cfg(test)]
mod tests;
