//! The maps that the programs of a pair, or of a block of pairs, share with the observer.

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use aya::{
    Ebpf,
    maps::{Array, HashMap, MapData, MapError, PerCpuArray, PerCpuValues},
};
use veth_observer_common::{
    DIRECTIONS,
    counters::{Received, Sent},
    drops::{Device, End},
    matching::{ADDRESS, METHOD},
    order::Order,
    settings as names, slot,
};

/// Counters of the programs, and what they are told while they run.
pub struct Maps {
    pairs: u32,
    cpus: u32,
    inner: Mutex<Inner>,
}

struct Inner {
    sent: PerCpuArray<MapData, Sent>,
    received: PerCpuArray<MapData, Received>,
    orders: Array<MapData, Order>,
    methods: Array<MapData, u32>,
    begun: Array<MapData, u32>,
    ends: HashMap<MapData, Device, End>,
    /// What stands in `methods`, by slot.
    words: Vec<u32>,
}

impl Maps {
    /// Takes them out of an object that was loaded with room for so many pairs.
    pub(super) fn take(ebpf: &mut Ebpf, pairs: u32, cpus: u32) -> Result<Self> {
        let mut map = |name| ebpf.take_map(name).with_context(|| format!("the object has no map {name}"));
        let inner = Inner {
            sent: map(names::SENT)?.try_into()?,
            received: map(names::RECEIVED)?.try_into()?,
            orders: map(names::ORDERS)?.try_into()?,
            methods: map(names::METHODS)?.try_into()?,
            begun: map(names::BEGUN)?.try_into()?,
            ends: map(names::ENDS)?.try_into()?,
            words: vec![0; (pairs * DIRECTIONS) as usize],
        };
        Ok(Self { pairs, cpus, inner: Mutex::new(inner) })
    }

    /// What each CPU counted of departures.
    pub fn sent(&self, slot: u32) -> Result<PerCpuValues<Sent>> {
        self.lock().sent.get(&slot, 0).context("cannot read the departure counters")
    }

    /// What each CPU counted of arrivals.
    pub fn received(&self, slot: u32) -> Result<PerCpuValues<Received>> {
        self.lock().received.get(&slot, 0).context("cannot read the arrival counters")
    }

    /// Tells the programs of both directions of a pair how frames are recognised and whether they count, one of
    /// [`veth_observer_common::matching`] each.
    pub fn tell(&self, pair: u32, words: [u32; 2]) -> Result<()> {
        let mut inner = self.lock();
        for (direction, word) in (0..).zip(words) {
            let slot = slot(pair, direction);
            inner.methods.set(slot, word, 0).context("cannot tell the programs what to count")?;
            if let Some(told) = inner.words.get_mut(slot as usize) {
                *told = word;
            }
        }
        let by_address = inner.words.iter().filter(|word| **word & METHOD == ADDRESS).count();
        let by_address = u32::try_from(by_address)?;
        inner
            .methods
            .set(slot(self.pairs, 0), by_address, 0)
            .context("cannot tell the programs where frames are known by their address")
    }

    /// Says of a direction whether the first arrival counts, or only the first that is known to have left.
    pub fn set_begun(&self, slot: u32, begun: bool) -> Result<()> {
        self.lock().begun.set(slot, u32::from(begun), 0).context("cannot let counting begin")
    }

    /// Makes a pair new.
    pub(super) fn clear(&self, pair: u32) -> Result<()> {
        let cpus = self.cpus as usize;
        let mut inner = self.lock();
        let mut clear = || -> Result<(), MapError> {
            for slot in [0, 1].map(|direction| slot(pair, direction)) {
                inner.sent.set(slot, values(Sent::ZERO, cpus)?, 0)?;
                inner.received.set(slot, values(Received::ZERO, cpus)?, 0)?;
                inner.begun.set(slot, 0, 0)?;
                // Without order there is one entry a pair, which nobody reads.
                for cpu in 0..self.cpus {
                    let index = slot * self.cpus + cpu;
                    if index < inner.orders.len() {
                        inner.orders.set(index, Order::NONE, 0)?;
                    }
                }
            }
            Ok(())
        };
        clear().context("cannot clear the counters of a pair")
    }

    pub(super) fn put_end(&self, device: Device, end: End) -> Result<()> {
        self.lock().ends.insert(device, end, 0).context("cannot tell the programs of an end")
    }

    /// Forgets a device, if it still is that pair's: another observation may have it by now.
    pub(super) fn forget_end(&self, device: Device, pair: u32) {
        let mut inner = self.lock();
        if inner.ends.get(&device, 0).is_ok_and(|end| end.pair == pair) {
            // It is there, and nobody else removes it.
            let _ = inner.ends.remove(&device);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn values<T: aya::Pod>(value: T, cpus: usize) -> Result<PerCpuValues<T>, MapError> {
    Ok(PerCpuValues::try_from(vec![value; cpus])?)
}
