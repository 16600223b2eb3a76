//! The place of a pair in the maps, given back when its programs are gone.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Result;
use veth_observer_common::drops::{Device, End};

use super::{drops::EndId, maps::Maps};

/// Places that nobody has; the one that was given back first is given out first.
#[derive(Clone)]
pub(super) struct Free(Arc<Mutex<VecDeque<u32>>>);

impl Free {
    pub(super) fn new(pairs: u32) -> Self {
        Self(Arc::new(Mutex::new((0..pairs).collect())))
    }

    pub(super) fn take(&self) -> Option<u32> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    pub(super) fn put(&self, pair: u32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(pair);
    }

    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// A pair among those that share the maps.
pub(super) struct Seat {
    pub(super) maps: Arc<Maps>,
    pub(super) pair: u32,
    secret: u64,
    devices: [Option<Device>; 2],
    free: Option<Free>,
}

impl Seat {
    pub(super) fn new(maps: Arc<Maps>, pair: u32, secret: u64, free: Option<Free>) -> Self {
        Self { maps, pair, secret, devices: [None; 2], free }
    }

    pub(super) fn is_shared(&self) -> bool {
        self.free.is_some()
    }

    /// Says on which devices a frame that dies is one of this pair.
    pub(super) fn put_ends(&mut self, ends: [EndId; 2]) -> Result<()> {
        for (at, end) in ends.into_iter().enumerate() {
            let EndId { ifindex, netns_cookie } = end;
            let device = (netns_cookie != 0).then_some(Device { netns_cookie, ifindex, reserved: 0 });
            if self.devices[at] == device {
                continue;
            }
            if let Some(before) = std::mem::replace(&mut self.devices[at], device) {
                self.maps.forget_end(before, self.pair);
            }
            if let Some(device) = device {
                let end = End { key: self.secret, pair: self.pair, end: u32::try_from(at)? };
                self.maps.put_end(device, end)?;
            }
        }
        Ok(())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        for device in self.devices.into_iter().flatten() {
            self.maps.forget_end(device, self.pair);
        }
        if let Some(free) = &self.free {
            if let Err(error) = self.maps.tell(self.pair, [0; 2]) {
                tracing::debug!("{error:#}");
            }
            free.put(self.pair);
        }
    }
}
