//! What a person may type to name one pair: the name or index of either end, with its namespace where that is needed.

use std::{fmt, str::FromStr};

use crate::fault::Fault;

/// Names one end, and so the pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// A name under /run/netns, `host`, `pid:N` or an inode; none to look here first and then everywhere.
    pub netns: Option<String>,
    pub end: EndSelector,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndSelector {
    Name(String),
    Index(u32),
}

impl FromStr for Selector {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        if let Some(place) = text.strip_prefix("netns:") {
            let Some((netns, end)) = place.rsplit_once('/').filter(|(netns, _)| !netns.is_empty()) else {
                return Err(Fault::usage(format!("selector {text}: it must look like netns:blue/eth0")));
            };
            return Ok(Self { netns: Some(netns.into()), end: end_selector(end, text)? });
        }
        Ok(Self { netns: None, end: end_selector(text, text)? })
    }
}

fn end_selector(end: &str, text: &str) -> Result<EndSelector, Fault> {
    match end.split_once(':') {
        Some(("ifindex", number)) => match number.parse() {
            Ok(index) if index > 0 => Ok(EndSelector::Index(index)),
            _ => Err(Fault::usage(format!("selector {text}: an ifindex is a number from 1"))),
        },
        Some((kind, _)) => Err(Fault::usage(format!(
            "selector {text}: there is no kind of selector called {kind}, only NAME, ifindex:N and netns:NS/NAME"
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
            Self::Name(name) => f.write_str(name),
            Self::Index(index) => write!(f, "ifindex:{index}"),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.netns {
            Some(netns) => write!(f, "netns:{netns}/{}", self.end),
            None => self.end.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Kind;

    #[test]
    fn every_kind_reads_and_prints_alike() {
        for text in
            ["veth0", "ifindex:12", "netns:blue/eth0", "netns:4026532183/eth0", "netns:pid:7/ifindex:3"]
        {
            let selector: Selector = text.parse().expect(text);
            assert_eq!(selector.to_string(), text);
        }
        let path: Selector = "netns:/run/netns/blue/eth0".parse().unwrap();
        assert_eq!(path.netns.as_deref(), Some("/run/netns/blue"));
        assert_eq!(path.end, EndSelector::Name("eth0".into()));
    }

    #[test]
    fn what_cannot_be_is_a_usage_fault_that_says_what_can() {
        for text in [
            "container:web",
            "pod:a/b",
            "pair:x",
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
        let fault = "container:web".parse::<Selector>().unwrap_err();
        assert!(fault.message.contains("NAME, ifindex:N and netns:NS/NAME"), "{}", fault.message);
    }
}
