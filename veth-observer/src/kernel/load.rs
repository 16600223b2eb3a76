//! From settings to programs that the verifier has accepted.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use aya::{EbpfError, VerifierLogLevel, maps::MapError, programs::ProgramError};
use tracing::debug_span;
use veth_observer_common::{
    DIRECTIONS,
    drops::{PLACES, PLACES_OF_BLOCK},
    matching::{ADDRESSES, DIGEST, DIGESTS, DIGESTS_OF_BLOCK, DIGESTS_ONLY, STAMP},
    settings as names, slot,
    stages::KINDS,
    stamp::{self, OUTSIDE_KEY},
};

use super::{
    bpffs::Bpffs,
    drops::{Drops, Layout},
    features, filter,
    loaded::{Loaded, classifier},
    loader,
    log::KernelLog,
    maps::Maps,
    object::OBJECT,
    probing,
    seat::{Free, Seat},
    settings::{Sampling, Settings},
    signals, stages,
};
use crate::fault::Fault;

/// Bytes of the ring for frames that died, a power of two: some 1,400 of them, between two looks.
const TELLING_RING: u32 = 1 << 18;

/// Where a pair goes that shares its maps with others.
pub(super) struct Room<'a> {
    pub(super) pairs: u32,
    pub(super) pair: u32,
    pub(super) bpffs: &'a Bpffs,
    /// None for the first.
    pub(super) maps: Option<Arc<Maps>>,
    pub(super) free: &'a Free,
}

/// Loads the four programs of one pair alone, and from here on sees what dies.
pub fn load(settings: &Settings) -> Result<Loaded> {
    load_into(settings, None)
}

pub(super) fn load_into(settings: &Settings, room: Option<Room<'_>>) -> Result<Loaded> {
    let (pairs, pair) = room.as_ref().map_or((1, 0), |room| (room.pairs, room.pair));
    let _held = signals::hold().context("cannot hold back signals")?;
    let no_sampling = no_sampling(settings)?;
    let sampling = settings.sampling.as_ref().unwrap_or(&no_sampling);
    let filter = sampling.filter.as_deref().filter(|filter| !filter.matches_all());
    let grafted = filter.map(|filter| filter::graft(OBJECT, filter)).transpose()?;
    let epoch_shift = settings.epoch_shift();
    let lane = u32::try_from(settings.lane)?;
    let cpus = u32::try_from(aya::util::nr_cpus().map_err(|(path, error)| anyhow!(error).context(path))?)?;
    let (key, order) = (fresh_key(cpus)?, u32::from(settings.order));
    let log_level: u8 = if settings.log { aya_log::Level::Debug as u8 } else { 0 };
    let fallback = u32::from(settings.fallback || settings.hook.is_in_driver());
    let hook = settings.hook.constant();
    let (digests, _) = fallbacks(settings, pairs);
    let layout = Layout::running();
    if settings.stages
        && let Err(error) = &layout
    {
        return Err(stages::unavailable(&format!("{error:#}")).into());
    }
    let stage_on = u32::from(settings.stages);
    let secret = if settings.probing { probing::fresh_secret()? } else { 0 };
    let mut constants = vec![
        (names::PAIR, pair.to_ne_bytes().to_vec()),
        (names::PAIRS, pairs.to_ne_bytes().to_vec()),
        (names::KEY, key.to_ne_bytes().to_vec()),
        (names::LANE, lane.to_ne_bytes().to_vec()),
        (names::EPOCH_SHIFT, epoch_shift.to_ne_bytes().to_vec()),
        (names::CPUS, cpus.to_ne_bytes().to_vec()),
        (names::ORDER, order.to_ne_bytes().to_vec()),
        (names::FALLBACK, fallback.to_ne_bytes().to_vec()),
        (names::DIGEST_ENTRIES, digests.to_ne_bytes().to_vec()),
        (names::ONE_END, u32::from(settings.one_end).to_ne_bytes().to_vec()),
        (names::HOOK, hook.to_ne_bytes().to_vec()),
        (names::DEPARTURES, u32::from(sampling.departures).to_ne_bytes().to_vec()),
        (names::TELL, settings.tell.to_ne_bytes().to_vec()),
        (names::SAMPLE, sampling.rate.to_ne_bytes().to_vec()),
        (names::SNAPLEN, sampling.snaplen.to_ne_bytes().to_vec()),
        (names::FILTER, u32::from(filter.is_some()).to_ne_bytes().to_vec()),
        (names::STAGED, stage_on.to_ne_bytes().to_vec()),
        (names::PROBE, secret.to_ne_bytes().to_vec()),
        (aya_log::LEVEL, vec![log_level]),
    ];
    if let Ok(layout) = &layout {
        constants.extend(layout.constants());
    }
    let entries = entries(settings, sampling, pairs, cpus, secret);
    // Never none: aya repeats a load that failed with room for a log, and to a log of no level the kernel says EINVAL, which
    // then hides what it said first.
    let verifier_log = if settings.log { VerifierLogLevel::default() } else { VerifierLogLevel::STATS };
    let object = grafted.as_ref().map_or(OBJECT, filter::Aligned::bytes);
    let mut ebpf = debug_span!("open")
        .in_scope(|| match &room {
            Some(room) => loader::open_sharing(object, room.bpffs, &constants, &entries),
            None => loader::open(object, verifier_log, &constants, &entries),
        })
        .map_err(explain_object)?;
    debug_span!("verify").in_scope(|| {
        names::PROGRAMS.as_flattened().iter().try_for_each(|name| {
            classifier(&mut ebpf, name)?.load().map_err(|error| explain_program(name, error))
        })
    })?;
    let log = settings.log.then(|| KernelLog::open(&mut ebpf)).transpose()?;
    // Of one end alone no death can be told, but others of the block may follow.
    let sees_deaths = room.as_ref().map_or(!settings.one_end, |room| room.maps.is_none());
    let drops = sees_deaths.then(|| {
        debug_span!("drops")
            .in_scope(|| layout.and_then(|layout| Drops::attach(&mut ebpf, layout, settings.tell)))
    });
    let (staging, stage_links) = settings.stages.then(|| stages::attach(&mut ebpf)).transpose()?.unzip();
    let probing = probing::take(secret, &mut ebpf)?;
    let (maps, free) = match room {
        Some(Room { maps: Some(maps), free, .. }) => (maps, Some(free.clone())),
        Some(Room { free, .. }) => (Arc::new(Maps::take(&mut ebpf, pairs, cpus)?), Some(free.clone())),
        None => (Arc::new(Maps::take(&mut ebpf, pairs, cpus)?), None),
    };
    if free.is_some() {
        maps.clear(pair)?;
    }
    let in_driver = settings.hook.is_in_driver();
    maps.tell(pair, [if in_driver { DIGEST } else { STAMP }; 2])?;
    if !in_driver {
        (0..DIRECTIONS).try_for_each(|direction| maps.set_begun(slot(pair, direction), true))?;
    }
    let samples = settings.sampling.is_some().then(|| -> Result<_> {
        let ring = ebpf.take_map(names::SAMPLES).context("the object has no map for samples")?;
        Ok(ring.try_into()?)
    });
    let samples = samples.transpose()?;
    let mut seat = Seat::new(maps, pair, key, free);
    seat.put_ends(settings.ends)?;
    Ok(Loaded {
        samples,
        probing,
        stages: staging,
        _stage_links: stage_links.unwrap_or_default(),
        drops,
        programs: Some(ebpf),
        log,
        epoch_shift,
        seat,
    })
}

/// What the ring is for where no frames are sampled: those that died, if they are told.
fn no_sampling(settings: &Settings) -> Result<Sampling> {
    if settings.tell > 0 && settings.sampling.is_some() {
        bail!("samples and the frames that died do not share a ring");
    }
    let ring_bytes = if settings.tell > 0 { TELLING_RING } else { 4096 };
    Ok(Sampling { rate: 0, snaplen: 1, ring_bytes, ..Sampling::default() })
}

/// Departures remembered by digest, each direction, and buffers by address.
fn fallbacks(settings: &Settings, pairs: u32) -> (u32, u32) {
    match (settings.hook.is_in_driver(), settings.fallback) {
        (true, _) => (DIGESTS_ONLY, 1),
        (false, true) if pairs > 1 => (DIGESTS_OF_BLOCK, ADDRESSES),
        (false, true) => (DIGESTS, ADDRESSES),
        (false, false) => (1, 1),
    }
}

/// The room in each map.
fn entries(
    settings: &Settings,
    sampling: &Sampling,
    pairs: u32,
    cpus: u32,
    secret: u64,
) -> Vec<(&'static str, u32)> {
    let (digests, addresses) = fallbacks(settings, pairs);
    let slots = slot(pairs, 0);
    let mut entries = vec![
        (names::STAGES, if settings.stages { KINDS } else { 1 }),
        (names::ORDERS, slots * if settings.order { cpus } else { 1 }),
        (names::DIGESTS, slots * digests),
        (names::SENT, slots),
        (names::RECEIVED, slots),
        (names::METHODS, slots + 1),
        (names::BEGUN, slots),
        (names::XDP_TIMES, slots),
        (names::UNPLACED, slots),
        (names::TOLD, slots),
        (names::PLACES, if pairs > 1 { PLACES_OF_BLOCK } else { PLACES }),
        // An end that moves is in it twice for a moment.
        (names::ENDS, 2 * slots),
        (names::ADDRESSES, addresses),
        (names::SAMPLES, sampling.ring_bytes),
        ("AYA_LOGS", if settings.log { 1 << 17 } else { 4096 }),
    ];
    entries.extend(probing::entries(secret));
    entries
}

/// What programs seal stamps with beside the secret: of either direction, under observation or not.
const KEYS: [u64; 4] = [0, 1, OUTSIDE_KEY, OUTSIDE_KEY | 1];

/// A secret for one observation that does not take untouched words for a stamp.
fn fresh_key(cpus: u32) -> Result<u64> {
    loop {
        let mut bytes = [0; 8];
        rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
        let key = u64::from_ne_bytes(bytes);
        if !KEYS.iter().any(|bits| stamp::believes_zero(key ^ bits, cpus)) {
            return Ok(key);
        }
    }
}

fn explain_object(error: EbpfError) -> anyhow::Error {
    match &error {
        EbpfError::MapError(MapError::CreateError { io_error, .. }) if features::denied(io_error) => {
            features::missing_privilege("load programs into the kernel").into()
        }
        _ => anyhow!(error).context("the kernel did not take the maps of the observer"),
    }
}

pub(super) fn explain_program(name: &str, error: ProgramError) -> anyhow::Error {
    match &error {
        ProgramError::LoadError { io_error, .. } if features::denied(io_error) => {
            features::missing_privilege("load programs into the kernel").into()
        }
        ProgramError::LoadError { io_error, verifier_log } if !features::exhausted(io_error) => {
            tracing::debug!("{verifier_log}");
            Fault::unavailable(format!("the verifier of this kernel refused the program {name}: {io_error}"))
                .fix("veth-observer doctor; -vv shows what the verifier said")
                .into()
        }
        _ => anyhow!(error).context(format!("the kernel refused the program {name}")),
    }
}
