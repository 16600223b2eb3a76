//! Which pairs are observed, and what they are called.

use crate::{
    model::link::Pair,
    topology::{Aliases, Selector},
};

/// Pairs that one of `pairs` means, all if there are none, and none of `exclude`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    pub pairs: Vec<Selector>,
    pub exclude: Vec<Selector>,
    pub aliases: Aliases,
    /// More pairs than this are counted, not observed.
    pub max_pairs: usize,
}

impl Selection {
    pub fn takes(&self, pair: &Pair) -> bool {
        let name = self.aliases.name(pair);
        let is_in = |selectors: &[Selector]| selectors.iter().any(|selector| selector.matches(pair, &name));
        (self.pairs.is_empty() || is_in(&self.pairs)) && !is_in(&self.exclude)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::link::End, topology::Alias};

    #[test]
    fn pairs_are_chosen_by_their_alias_too() {
        let end = |ifname: &str, ifindex| End { ifname: Some(ifname.into()), ifindex, ..End::default() };
        let pair = Pair { ends: [end("a", 2), end("b", 3)] };
        let selectors = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let takes = |pairs: &[&str], exclude: &[&str]| {
            let aliases = Aliases(vec![Alias { name: "front".into(), pair: "a".parse().unwrap() }]);
            let (pairs, exclude) = (selectors(pairs), selectors(exclude));
            Selection { pairs, exclude, aliases, ..Selection::default() }.takes(&pair)
        };
        for (pairs, exclude, expected) in [
            (&[][..], &[][..], true),
            (&["b"], &[], true),
            (&["c"], &[], false),
            (&["pair:front"], &[], true),
            (&["pair:a"], &[], false),
            (&[], &["pair:fr*"], false),
            (&["b"], &["a"], false),
        ] {
            assert_eq!(takes(pairs, exclude), expected, "{pairs:?} without {exclude:?}");
        }
    }
}
