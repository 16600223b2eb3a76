//! Names that the configuration gives to pairs.

use super::Selector;
use crate::model::{
    link::Pair,
    naming::{pair_name, told_apart},
};

/// A name for whatever pair a selector means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    pub name: String,
    /// Where it asks for a name, that is the one without aliases.
    pub pair: Selector,
}

/// Of several that mean a pair the first holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aliases(pub Vec<Alias>);

impl Aliases {
    /// What a pair is called: its alias, or else what [`pair_name`] says.
    pub fn name(&self, pair: &Pair) -> String {
        let plain = pair_name(pair);
        match self.0.iter().find(|alias| alias.pair.matches(pair, &plain)) {
            Some(alias) => alias.name.clone(),
            None => plain,
        }
    }

    /// The names of several pairs, no two the same.
    pub fn names(&self, pairs: &[Pair]) -> Vec<String> {
        told_apart(pairs.iter().map(|pair| self.name(pair)).collect(), pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::link::{End, Netns};

    fn pair(device: &str, ifindex: u32) -> Pair {
        let netns = |name: &str| Netns { name: Some(name.into()), ..Netns::default() };
        let here = End { ifindex, netns: netns("host"), ..End::default() };
        let there = End { ifname: Some(device.into()), ifindex: 2, netns: netns("blue"), ..End::default() };
        Pair { ends: [here, there] }
    }

    fn aliases(all: &[(&str, &str)]) -> Aliases {
        let alias = |(name, pair): &(&str, &str)| Alias { name: (*name).into(), pair: pair.parse().unwrap() };
        Aliases(all.iter().map(alias).collect())
    }

    #[test]
    fn an_alias_comes_before_every_other_name_and_the_first_of_several_holds() {
        let pairs = [pair("eth0", 3), pair("eth1", 4), pair("eth2", 5)];
        assert_eq!(aliases(&[]).names(&pairs), ["blue/eth0", "blue/eth1", "blue/eth2"]);
        let some = aliases(&[("front", "netns:blue/eth0"), ("any", "pair:blue/eth?"), ("late", "eth1")]);
        assert_eq!(some.names(&pairs), ["front", "any@0.2@0.4", "any@0.2@0.5"]);
    }
}
