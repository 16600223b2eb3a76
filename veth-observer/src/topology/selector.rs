//! What a person may type to name pairs: the name or index of either end, with its namespace where that is needed, or
//! who lives there.

use std::{fmt, str::FromStr};

use super::glob;
use crate::fault::Fault;

/// Names an end, and so the pair. Names may have `*` and `?` in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    pub scope: Scope,
    pub end: EndSelector,
}

/// Where the end is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Here, and else everywhere.
    Anywhere,
    /// A name under /run/netns, `host`, `pid:N`, a path or an inode.
    Netns(String),
    /// Name of a container, or the beginning of its id.
    Container(String),
    Pod {
        namespace: Option<String>,
        name: String,
    },
    /// The name that reports and metrics give the whole pair.
    Pair(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndSelector {
    Any,
    Name(String),
    Index(u32),
}

/// What kinds there are, for those who typed something else.
const KINDS: &str = "NAME, ifindex:N, container:NAME, pod:NAMESPACE/NAME, netns:NS/NAME and pair:NAME";

impl Selector {
    /// Whether it may well name several pairs.
    pub fn is_pattern(&self) -> bool {
        let end = matches!(&self.end, EndSelector::Name(name) if glob::is_pattern(name));
        end || match &self.scope {
            Scope::Anywhere | Scope::Netns(_) => false,
            Scope::Container(name) | Scope::Pair(name) | Scope::Pod { namespace: None, name } => {
                glob::is_pattern(name)
            }
            Scope::Pod { namespace: Some(namespace), name } => {
                glob::is_pattern(namespace) || glob::is_pattern(name)
            }
        }
    }
}

impl FromStr for Selector {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let must = |form: &str| Fault::usage(format!("selector {text}: it must look like {form}"));
        let (scope, end) = match text.split_once(':') {
            Some(("netns", place)) => {
                let parts = place.rsplit_once('/').filter(|(netns, _)| !netns.is_empty());
                let (netns, end) = parts.ok_or_else(|| must("netns:blue/eth0"))?;
                (Scope::Netns(netns.into()), end_selector(end, text)?)
            }
            Some(("container", place)) => {
                let (name, end) =
                    place.split_once('/').map_or((place, None), |(name, end)| (name, Some(end)));
                if name.is_empty() {
                    return Err(must("container:web or container:web/eth1"));
                }
                (Scope::Container(name.into()), optional(end, text)?)
            }
            Some(("pod", place)) => {
                let parts: Vec<&str> = place.splitn(3, '/').collect();
                let (namespace, name, end) = match parts[..] {
                    [name] => (None, name, None),
                    [namespace, name] => (Some(namespace), name, None),
                    [namespace, name, end] => (Some(namespace), name, Some(end)),
                    _ => return Err(must("pod:shop/db-0")),
                };
                if name.is_empty() {
                    return Err(must("pod:db-0, pod:shop/db-0 or pod:shop/db-0/eth1"));
                }
                let namespace = namespace.filter(|namespace| !namespace.is_empty()).map(str::to_owned);
                (Scope::Pod { namespace, name: name.into() }, optional(end, text)?)
            }
            Some(("pair", "")) => return Err(must("pair:web")),
            Some(("pair", name)) => (Scope::Pair(name.into()), EndSelector::Any),
            _ => (Scope::Anywhere, end_selector(text, text)?),
        };
        Ok(Self { scope, end })
    }
}

fn optional(end: Option<&str>, text: &str) -> Result<EndSelector, Fault> {
    end.map_or(Ok(EndSelector::Any), |end| end_selector(end, text))
}

fn end_selector(end: &str, text: &str) -> Result<EndSelector, Fault> {
    match end.split_once(':') {
        Some(("ifindex", number)) => match number.parse() {
            Ok(index) if index > 0 => Ok(EndSelector::Index(index)),
            _ => Err(Fault::usage(format!("selector {text}: an ifindex is a number from 1"))),
        },
        Some((kind, _)) => Err(Fault::usage(format!(
            "selector {text}: there is no kind of selector called {kind}, only {KINDS}"
        ))),
        None if end.is_empty() => {
            Err(Fault::usage(format!("selector {text:?}: the name of the end is missing")))
        }
        None => Ok(EndSelector::Name(end.into())),
    }
}

impl fmt::Display for EndSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => Ok(()),
            Self::Name(name) => f.write_str(name),
            Self::Index(index) => write!(f, "ifindex:{index}"),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scope, end } = self;
        let has_end = *end != EndSelector::Any;
        match scope {
            Scope::Anywhere => return end.fmt(f),
            Scope::Netns(netns) => return write!(f, "netns:{netns}/{end}"),
            Scope::Pair(name) => return write!(f, "pair:{name}"),
            Scope::Container(name) => write!(f, "container:{name}")?,
            Scope::Pod { namespace: None, name } if !has_end => write!(f, "pod:{name}")?,
            Scope::Pod { namespace, name } => {
                write!(f, "pod:{}/{name}", namespace.as_deref().unwrap_or_default())?;
            }
        }
        if has_end { write!(f, "/{end}") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Kind;

    #[test]
    fn every_kind_reads_and_prints_alike() {
        for text in [
            "veth0",
            "veth*",
            "ifindex:12",
            "netns:blue/eth0",
            "netns:4026532183/eth0",
            "netns:pid:7/ifindex:3",
            "container:web",
            "container:3f9c1d2a77b0",
            "container:web*",
            "container:web/eth1",
            "container:web/ifindex:3",
            "pod:db-0",
            "pod:shop/db-0",
            "pod:shop/db-*",
            "pod:shop/db-0/eth1",
            "pod:/shop/eth1",
            "pair:blue/eth0",
            "pair:pid 7 (sh)/eth0",
        ] {
            let selector: Selector = text.parse().expect(text);
            assert_eq!(selector.to_string(), text);
        }
        let path: Selector = "netns:/run/netns/blue/eth0".parse().unwrap();
        assert_eq!(path.scope, Scope::Netns("/run/netns/blue".into()));
        assert_eq!(path.end, EndSelector::Name("eth0".into()));
        let pod: Selector = "pod:/shop".parse().unwrap();
        assert_eq!(pod, "pod:shop".parse().unwrap());
    }

    #[test]
    fn what_may_name_several_is_a_pattern() {
        for (text, expected) in
            [("veth*", true), ("container:w?b", true), ("pod:*/db", true), ("pair:web*", true)]
        {
            assert_eq!(text.parse::<Selector>().unwrap().is_pattern(), expected, "{text}");
        }
        for text in ["veth0", "container:web", "pod:shop/db", "netns:blue/eth0", "ifindex:3", "pair:web"] {
            assert!(!text.parse::<Selector>().unwrap().is_pattern(), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_is_a_usage_fault_that_says_what_can() {
        for text in [
            "docker:web",
            "container:",
            "container:/eth0",
            "container:web/",
            "container:web/a:b",
            "pod:",
            "pod:shop/",
            "pod:shop//eth0",
            "pair:",
            "netns:blue",
            "netns:/eth0",
            "ifindex:0",
            "ifindex:x",
            "",
            "netns:a/",
        ] {
            let fault = text.parse::<Selector>().expect_err(text);
            assert_eq!(fault.kind, Kind::Usage, "{text}");
        }
        let fault = "docker:web".parse::<Selector>().unwrap_err();
        assert!(fault.message.ends_with(&format!("only {KINDS}")), "{}", fault.message);
    }
}
