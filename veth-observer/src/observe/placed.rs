//! Programs with a place for what they count, their own or one among those of other pairs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use tracing::debug;

use super::Observation;
use crate::{
    collect::Deaths,
    kernel::{self, Drops, Loaded},
};

/// What cannot be told where the kernel hides its functions.
const NO_SYMBOLS: &str = "the kernel hides where its functions are: places of drops are addresses, and for some drops the \
    stage is not known (CAP_SYSLOG shows them, unless kernel.kptr_restrict is 2)";

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
    match drops {
        Some(Ok(drops)) => {
            let no_reasons = "this kernel tells where frames are dropped but not why (Linux 5.17 does)";
            let limits = [(!drops.has_reasons, no_reasons), (kernel::symbols::are_hidden(), NO_SYMBOLS)];
            let limits = limits.into_iter().filter(|(is_so, _)| *is_so).map(|(_, limit)| limit.to_owned());
            (Some(Arc::new(Mutex::new(Deaths::new(drops)))), limits.collect())
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
