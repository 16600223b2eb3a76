//! What the drivers of all ends count by themselves, read now and then: each namespace is entered once for all its ends.

use std::{collections::BTreeMap, time::Duration};

use super::{super::whereabouts::driver_counts_at, Fleet};
use crate::{model::driver::DriverCounts, netns::Address};

/// How old the counts are at most. Reading takes a visit to each namespace, and they move with XDP alone.
pub(super) const PERIOD: Duration = Duration::from_secs(10);

/// An end by the pair's id, its number and its index.
type End = (u64, usize, u32);

/// Ends, and what their drivers counted.
pub(super) type Counted = Vec<(End, DriverCounts)>;

impl Fleet {
    /// Begins to read, where nobody waits for it.
    pub(super) fn read_drivers(&self) {
        let mut places: BTreeMap<u64, (Address, Vec<End>)> = BTreeMap::new();
        for (id, member) in &self.members {
            for end in 0..2 {
                let Some((address, ifindex)) = member.observation.place(end) else { continue };
                let place = places.entry(address.inode()).or_insert_with(|| (address.clone(), Vec::new()));
                place.1.push((*id, end, ifindex));
            }
        }
        let counted = self.counted_sender.clone();
        tokio::task::spawn_blocking(move || {
            let read = |(address, ends): (Address, Vec<End>)| {
                let ifindexes: Vec<u32> = ends.iter().map(|(.., ifindex)| *ifindex).collect();
                let counts = driver_counts_at(&address, &ifindexes);
                ends.into_iter().zip(counts).filter_map(|(end, counts)| Some((end, counts?)))
            };
            // Nobody is left to tell when we are ending.
            let _ = counted.try_send(places.into_values().flat_map(read).collect());
        });
    }

    /// Takes over what was read.
    pub(super) fn take_drivers(&mut self, counted: Counted) {
        for ((id, end, ifindex), counts) in counted {
            if let Some(member) = self.members.get_mut(&id)
                && member.observation.place(end).is_some_and(|(_, now)| now == ifindex)
            {
                member.observation.set_driver(end, counts);
            }
        }
    }
}
