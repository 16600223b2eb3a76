//! Places for the counts of many pairs.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::Result;

use super::super::placed::{Placed, lock, seeing_deaths};
use crate::{
    collect::Deaths,
    fault::{Fault, Kind},
    kernel,
};

/// Blocks of pairs that share their maps. Who looks at the deaths of all of them never waits for one that is being filled.
#[derive(Default)]
pub(super) struct Blocks {
    blocks: Mutex<Vec<Block>>,
    deaths: Mutex<Vec<Weak<Mutex<Deaths>>>>,
}

struct Block {
    kernel: kernel::Block,
    deaths: Option<Arc<Mutex<Deaths>>>,
    limits: Vec<String>,
}

impl Blocks {
    /// Loads the programs of a pair into a block of its lane, a new one where all are full. What maps are shared by takes
    /// CAP_SYS_ADMIN; without it a pair has its own.
    pub(super) fn load(&self, settings: &kernel::Settings) -> Result<Placed> {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = |block: &Block| block.kernel.lane() == settings.lane && block.kernel.free() > 0;
        let at = blocks.iter().position(has_room).unwrap_or(blocks.len());
        if at == blocks.len() {
            let kernel = match kernel::Block::new(settings.lane) {
                Err(error) if is_denied(&error) => return Placed::alone(settings),
                made => made?,
            };
            blocks.push(Block { kernel, deaths: None, limits: Vec::new() });
        }
        let block = &mut blocks[at];
        let mut loaded = block.kernel.load(settings)?;
        if let Some(drops) = loaded.drops.take() {
            (block.deaths, block.limits) = seeing_deaths(Some(drops));
            let all = block.deaths.as_ref().map(Arc::downgrade);
            self.deaths.lock().unwrap_or_else(PoisonError::into_inner).extend(all);
        }
        if let Some(deaths) = &block.deaths {
            lock(deaths).forget(loaded.pair())?;
        }
        Ok(Placed { loaded, deaths: block.deaths.clone(), limits: block.limits.clone() })
    }

    /// Looks at what died, of all pairs.
    pub(super) fn look(&self) -> Result<()> {
        self.living().iter().try_for_each(|deaths| lock(deaths).look())
    }

    /// Ids of the programs that see deaths.
    pub(super) fn death_programs(&self) -> Vec<u32> {
        self.living().iter().map(|deaths| lock(deaths).program()).collect()
    }

    fn living(&self) -> Vec<Arc<Mutex<Deaths>>> {
        let mut all = self.deaths.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|deaths| deaths.strong_count() > 0);
        all.iter().filter_map(Weak::upgrade).collect()
    }

    /// Gives back blocks that are empty, after a look at the program of each that sees deaths. Waits for one that is being
    /// filled.
    pub(super) fn trim(&self, mut last_look: impl FnMut(u32)) {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.retain(|block| {
            let is_used = block.kernel.free() < kernel::Block::PAIRS;
            if let Some(deaths) = block.deaths.as_ref().filter(|_| !is_used) {
                last_look(lock(deaths).program());
            }
            is_used
        });
    }
}

fn is_denied(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Fault>().is_some_and(|fault| fault.kind == Kind::Unavailable)
}
