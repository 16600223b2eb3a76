//! What is there only while probe frames are sent.

use anyhow::{Context, Result};
use aya::{
    Ebpf,
    maps::{MapData, PerCpuArray},
};
use veth_observer_common::{
    DIRECTIONS,
    probes::{Probes, REMEMBERED},
    settings as names,
};

/// The secret that probes of this run carry, and what the programs count of them.
pub struct Probing {
    pub secret: u64,
    pub counts: PerCpuArray<MapData, Probes>,
}

/// A secret for the probes of one run.
pub(super) fn fresh_secret() -> Result<u64> {
    let mut bytes = [0; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    // 0 turns probing off.
    Ok(u64::from_ne_bytes(bytes).max(1))
}

/// The room that probes take in the maps; the least where there are none.
pub(super) fn entries(secret: u64) -> [(&'static str, u32); 3] {
    let (slots, departures) = if secret == 0 { (1, 1) } else { (DIRECTIONS, DIRECTIONS * REMEMBERED) };
    [(names::PROBES, slots), (names::PROBE_ORDERS, slots), (names::PROBE_DEPARTURES, departures)]
}

/// None when the secret is 0.
pub(super) fn take(secret: u64, ebpf: &mut Ebpf) -> Result<Option<Probing>> {
    if secret == 0 {
        return Ok(None);
    }
    let counts = ebpf.take_map(names::PROBES).context("the object has no map for probes")?;
    Ok(Some(Probing { secret, counts: counts.try_into()? }))
}
