//! Which pairs are observed.

use crate::{model::link::Pair, topology::Selector};

/// Pairs that one of `pairs` means, all if there are none, and none of `exclude`.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    pub pairs: Vec<Selector>,
    pub exclude: Vec<Selector>,
}

impl Selection {
    pub fn takes(&self, pair: &Pair) -> bool {
        let is_in = |selectors: &[Selector]| selectors.iter().any(|selector| selector.matches(pair));
        (self.pairs.is_empty() || is_in(&self.pairs)) && !is_in(&self.exclude)
    }
}
