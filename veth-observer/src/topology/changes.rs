//! What is different between two looks. Pure.

use std::collections::BTreeMap;

use crate::model::{
    change::{Change, Event},
    link::{End, Pair},
};

/// What identifies an end for as long as it is not moved: its namespace and its index.
type Identity = (Option<u64>, Option<u64>, u32);

/// Indexes repeat, so an end in a namespace that is not known could be any.
fn is_known(&(cookie, inode, _): &Identity) -> bool {
    cookie.is_some() || inode.is_some()
}

fn identity(end: &End) -> Identity {
    (end.netns.cookie, end.netns.inode, end.ifindex)
}

/// What identifies a pair for as long as neither end is moved, whichever stands first. A pair whose second end is not seen is
/// identified by the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PairKey([Identity; 2]);

impl PairKey {
    /// Of a pair as it was seen.
    pub fn of(pair: &Pair) -> Self {
        Self::of_ends(&pair.ends)
    }

    /// Whether an end of one is an end of the other.
    pub fn shares_end(&self, other: &Self) -> bool {
        self.0.iter().any(|end| is_known(end) && other.0.contains(end))
    }

    /// Of its ends.
    pub fn of_ends(ends: &[End; 2]) -> Self {
        let mut key = ends.each_ref().map(identity);
        key.sort_unstable();
        Self(key)
    }
}

/// The pairs of one look by what identifies them.
fn by_identity(pairs: &[Pair]) -> BTreeMap<PairKey, &Pair> {
    pairs.iter().map(|pair| (PairKey::of(pair), pair)).collect()
}

/// Removals first, then what is new or different.
pub(super) fn between(before: &[Pair], after: &[Pair]) -> Vec<Change> {
    let (before, after) = (by_identity(before), by_identity(after));
    let gone = before.iter().filter(|(key, _)| !after.contains_key(*key));
    let mut changes: Vec<Change> =
        gone.map(|(_, pair)| Change { event: Event::Removed, pair: (*pair).clone() }).collect();
    for (key, pair) in &after {
        let event = match before.get(key) {
            None => Event::Added,
            Some(old) if old != pair => Event::Changed,
            Some(_) => continue,
        };
        changes.push(Change { event, pair: (*pair).clone() });
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::link::Netns;

    fn end(inode: u64, ifindex: u32, state: &str) -> End {
        let netns = Netns { inode: Some(inode), ..Netns::default() };
        End { ifindex, netns, operstate: Some(state.into()), ..End::default() }
    }

    fn pair(first: End, second: End) -> Pair {
        Pair { ends: [first, second] }
    }

    #[test]
    fn a_pair_comes_changes_and_goes() {
        let down = pair(end(1, 2, "down"), end(1, 3, "down"));
        let up = pair(end(1, 2, "up"), end(1, 3, "up"));
        let one = |event, pair: &Pair| vec![Change { event, pair: pair.clone() }];
        assert_eq!(between(&[], std::slice::from_ref(&down)), one(Event::Added, &down));
        assert_eq!(between(std::slice::from_ref(&down), std::slice::from_ref(&up)), one(Event::Changed, &up));
        assert_eq!(between(std::slice::from_ref(&up), &[]), one(Event::Removed, &up));
        assert_eq!(between(std::slice::from_ref(&up), std::slice::from_ref(&up)), []);
    }

    #[test]
    fn an_end_that_moves_makes_another_pair() {
        let before = pair(end(1, 2, "up"), end(1, 3, "up"));
        let after = pair(end(1, 2, "up"), end(9, 3, "up"));
        let events: Vec<Event> =
            between(&[before], &[after]).into_iter().map(|change| change.event).collect();
        assert_eq!(events, [Event::Removed, Event::Added]);
    }

    #[test]
    fn ends_in_unknown_namespaces_are_not_taken_for_one() {
        let unknown = || End { netns: Netns::default(), ..end(0, 2, "up") };
        let [first, second] = [1, 2].map(|inode| PairKey::of(&pair(end(inode, 2, "up"), unknown())));
        assert!(!first.shares_end(&second));
        assert!(first.shares_end(&PairKey::of(&pair(end(1, 2, "up"), end(3, 2, "up")))));
    }

    #[test]
    fn the_order_of_the_ends_does_not_matter() {
        let (a, b) = (end(1, 2, "up"), end(2, 2, "up"));
        let changes = between(&[pair(a.clone(), b.clone())], &[pair(b, a)]);
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].event, Event::Changed);
    }
}
