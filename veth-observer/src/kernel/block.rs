//! Many pairs that share their maps, and the one program that sees their frames die.
//!
//! A program on `kfree_skb` costs every drop on the machine; maps cost memory and descriptors. A pair of a block brings
//! nothing but its four programs.

use std::sync::Arc;

use anyhow::{Result, bail};
use veth_observer_common::PAIRS;

use super::{
    bpffs::Bpffs,
    load::{self, Room},
    loaded::Loaded,
    maps::Maps,
    seat::Free,
    settings::Settings,
};

/// A block of up to [`Block::PAIRS`] pairs of one lane.
pub struct Block {
    lane: usize,
    bpffs: Bpffs,
    maps: Option<Arc<Maps>>,
    free: Free,
}

impl Block {
    /// Pairs in one block.
    pub const PAIRS: usize = PAIRS as usize;

    /// An empty block for pairs of that lane.
    pub fn new(lane: usize) -> Result<Self> {
        Ok(Self { lane, bpffs: Bpffs::new()?, maps: None, free: Free::new(PAIRS) })
    }

    /// The lane of all its pairs.
    pub fn lane(&self) -> usize {
        self.lane
    }

    /// How many more pairs it can take.
    pub fn free(&self) -> usize {
        self.free.len()
    }

    /// Loads the programs of one more pair. The first brings what sees the frames of all of them die.
    ///
    /// All pairs of a block are loaded with the same timeout, order and fallback, and without samples, probes, stages and log.
    pub fn load(&mut self, settings: &Settings) -> Result<Loaded> {
        if settings.lane != self.lane {
            bail!("a pair of lane {} does not fit a block of lane {}", settings.lane, self.lane);
        }
        let Some(pair) = self.free.take() else { bail!("the block is full") };
        let room = Room { pairs: PAIRS, pair, bpffs: &self.bpffs, maps: self.maps.clone(), free: &self.free };
        let loaded = load::load_into(settings, Some(room));
        match &loaded {
            Ok(loaded) => self.maps = Some(Arc::clone(loaded.maps())),
            Err(_) => self.free.put(pair),
        }
        loaded
    }
}
