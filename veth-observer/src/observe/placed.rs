//! Programs with a place for what they count, their own or one among those of other pairs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use tracing::debug;

use super::Observation;
use crate::{
    collect::Deaths,
    kernel::{self, Drops, Loaded},
};

/// Loaded programs, and what sees their frames die.
pub(super) struct Placed {
    pub(super) loaded: Loaded,
    pub(super) deaths: Option<Arc<Mutex<Deaths>>>,
    /// What cannot be seen, as sentences.
    pub(super) limits: Vec<String>,
}

impl Placed {
    /// With maps of their own.
    pub(super) fn alone(settings: &kernel::Settings) -> Result<Self> {
        let mut loaded = kernel::load(settings)?;
        let (deaths, limits) = seeing_deaths(loaded.drops.take());
        Ok(Self { loaded, deaths, limits })
    }
}

/// Where frames die, or the sentence for why that cannot be seen.
pub(super) fn seeing_deaths(drops: Option<Result<Drops>>) -> (Option<Arc<Mutex<Deaths>>>, Vec<String>) {
    let seeing = |drops| Some(Arc::new(Mutex::new(Deaths::new(drops))));
    match drops {
        Some(Ok(drops)) if drops.has_reasons => (seeing(drops), Vec::new()),
        Some(Ok(drops)) => {
            let limit = "this kernel tells where frames are dropped but not why (Linux 5.17 does)";
            (seeing(drops), vec![limit.to_owned()])
        }
        Some(Err(error)) => {
            debug!("cannot see drops: {error:#}");
            (None, vec![format!("where lost frames died cannot be seen: {}", error.root_cause())])
        }
        None => (None, Vec::new()),
    }
}

impl Observation {
    /// Frames that died, of this pair or of several.
    pub(super) fn deaths(&self) -> Option<MutexGuard<'_, Deaths>> {
        self.deaths.as_deref().map(lock)
    }
}

pub(super) fn lock(deaths: &Mutex<Deaths>) -> MutexGuard<'_, Deaths> {
    deaths.lock().unwrap_or_else(PoisonError::into_inner)
}
