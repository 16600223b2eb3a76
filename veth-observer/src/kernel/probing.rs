//! What is there only while probe frames are sent.

use anyhow::{Context, Result};
use aya::{
    Ebpf, EbpfLoader,
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

/// Tells the programs the secret, 0 for no probes, and gives the maps the room for them.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the loader keeps the reference")]
pub(super) fn apply<'a>(secret: &'a u64, loader: &mut EbpfLoader<'a>) {
    let (slots, departures) = if *secret == 0 { (1, 1) } else { (DIRECTIONS, DIRECTIONS * REMEMBERED) };
    loader
        .override_global(names::PROBE, secret, true)
        .map_max_entries(names::PROBES, slots)
        .map_max_entries(names::PROBE_ORDERS, slots)
        .map_max_entries(names::PROBE_DEPARTURES, departures);
}

/// None when the secret is 0.
pub(super) fn take(secret: u64, ebpf: &mut Ebpf) -> Result<Option<Probing>> {
    if secret == 0 {
        return Ok(None);
    }
    let counts = ebpf.take_map(names::PROBES).context("the object has no map for probes")?;
    Ok(Some(Probing { secret, counts: counts.try_into()? }))
}
