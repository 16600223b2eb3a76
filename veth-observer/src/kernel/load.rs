//! From settings to programs that the verifier has accepted.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow};
use aya::{
    Ebpf, EbpfError, VerifierLogLevel,
    maps::{Array, MapData, MapError, PerCpuArray, RingBuf},
    programs::{ProgramError, SchedClassifier, Xdp},
};
use tracing::debug_span;
use veth_observer_common::{
    DIRECTIONS,
    counters::{EPOCHS, Received, Sent},
    matching::{ADDRESSES, DIGEST, DIGESTS, DIGESTS_ONLY},
    settings::{self as names, hook},
    stages::{KINDS, Stages},
    stamp::{self, TIME_BITS},
};

use crate::{fault::Fault, model::filter::Filter};

use super::{
    drops::{Drops, EndId, Layout},
    features, filter, loader,
    log::KernelLog,
    object::OBJECT,
    probing::{self, Probing},
    signals, stages,
};

/// What the programs of one pair are told at load time.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each turns one independent thing on")]
pub struct Settings {
    /// Index into [`names::LANES`]: where in the control block the stamp rides.
    pub lane: usize,
    /// The ends, so that a drop can be said to be on one of them.
    pub ends: [EndId; 2],
    /// A frame that takes longer is lost; at most [`Settings::LONGEST_TIMEOUT`].
    pub loss_timeout: Duration,
    pub sampling: Option<Sampling>,
    /// Tell order, duplicates and delay variation.
    pub order: bool,
    /// Be able to recognise frames by other means than their stamp.
    pub fallback: bool,
    /// Where arrivals are counted and timed.
    pub hook: Hook,
    /// Know probe frames, count them apart and take them off.
    pub probing: bool,
    /// See frames on their way too.
    pub stages: bool,
    /// Let the programs write log records.
    pub log: bool,
}

/// Where a frame has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hook {
    /// At tc ingress.
    #[default]
    Tc,
    /// At XDP: in the driver, or, when `generic`, on the way from there to tc ingress.
    Xdp { generic: bool },
}

impl Hook {
    /// Where no stamp can be seen, and the bytes of a frame must do.
    pub fn is_in_driver(self) -> bool {
        self == Self::Xdp { generic: false }
    }

    fn constant(self) -> u32 {
        match self {
            Self::Tc => hook::TC,
            Self::Xdp { generic: false } => hook::XDP_NATIVE,
            Self::Xdp { generic: true } => hook::XDP_GENERIC,
        }
    }
}

/// Which frames go to the ring buffer, and how much of each.
#[derive(Debug, Clone)]
pub struct Sampling {
    /// One skb in this many; at least 1.
    pub rate: u32,
    /// Bytes kept of each.
    pub snaplen: u32,
    /// Size of the ring: a power of two, at least a page.
    pub ring_bytes: u32,
    /// Departures and deaths too, so that the fate of each frame is known, and not arrivals alone.
    pub departures: bool,
    /// Only what it matches.
    pub filter: Option<Arc<Filter>>,
}

impl Default for Sampling {
    /// The first bytes of every arrival.
    fn default() -> Self {
        Self { rate: 1, snaplen: 96, ring_bytes: 1 << 22, departures: false, filter: None }
    }
}

impl Settings {
    /// Well below the horizon of a stamp.
    pub const LONGEST_TIMEOUT: Duration = Duration::from_mins(1);

    /// log2 of an epoch in nanoseconds: the shortest for which the timeout spans at most a quarter of the epochs, so that
    /// a reader may be late by half of them.
    pub fn epoch_shift(&self) -> u32 {
        let quarter = self.loss_timeout.as_nanos() * 4 / EPOCHS as u128;
        let shift = 128 - quarter.max(1).leading_zeros();
        shift.clamp(20, TIME_BITS - EPOCHS.ilog2())
    }
}

/// The programs of one pair, verified but not attached to the pair, and their maps.
pub struct Loaded {
    /// None once they are attached.
    programs: Option<Ebpf>,
    pub sent: PerCpuArray<MapData, Sent>,
    pub received: PerCpuArray<MapData, Received>,
    /// How frames without their stamp are recognised, by direction: of [`veth_observer_common::matching`].
    pub methods: Array<MapData, [u32; 2]>,
    /// What sees frames die, or why that cannot be seen here; none once it was taken.
    pub drops: Option<Result<Drops>>,
    /// None without probes.
    pub probing: Option<Probing>,
    /// By kind; none unless asked for.
    pub stages: Option<PerCpuArray<MapData, Stages>>,
    pub samples: Option<RingBuf<MapData>>,
    pub log: Option<KernelLog>,
    _stage_links: Vec<aya::programs::links::FdLink>,
    pub epoch_shift: u32,
}

impl Loaded {
    /// The program for one end (0 or 1), egress or ingress.
    pub fn program(&mut self, end: usize, ingress: bool) -> Result<&mut SchedClassifier> {
        let programs = self.programs.as_mut().context("the programs were let go")?;
        classifier(programs, names::PROGRAMS[end][usize::from(ingress)])
    }

    /// Lets go of the programs, which their links hold, and of the maps that only they use: half of the descriptors and
    /// most of the memory that a pair takes.
    pub fn let_go(&mut self) {
        self.programs = None;
    }

    /// The XDP program for one end, loaded when it is first asked for: one for frames in one piece or in several.
    pub fn xdp(&mut self, end: usize, frags: bool) -> Result<&mut Xdp> {
        let name = names::XDP_PROGRAMS[end][usize::from(frags)];
        let programs = self.programs.as_mut().context("the programs were let go")?;
        let program =
            programs.program_mut(name).with_context(|| format!("the object has no program {name}"))?;
        let program: &mut Xdp = program.try_into()?;
        if program.fd().is_err() {
            program.load().map_err(|error| explain_program(name, error))?;
        }
        Ok(program)
    }
}

fn classifier<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut SchedClassifier> {
    let program = ebpf.program_mut(name).with_context(|| format!("the object has no program {name}"))?;
    Ok(program.try_into()?)
}

/// Loads the four programs of one pair, and from here on sees what dies.
pub fn load(settings: &Settings) -> Result<Loaded> {
    let _held = signals::hold().context("cannot hold back signals")?;
    let no_sampling = Sampling { rate: 0, snaplen: 1, ring_bytes: 4096, ..Sampling::default() };
    let sampling = settings.sampling.as_ref().unwrap_or(&no_sampling);
    let filter = sampling.filter.as_deref().filter(|filter| !filter.matches_all());
    let grafted = filter.map(|filter| filter::graft(OBJECT, filter)).transpose()?;
    let epoch_shift = settings.epoch_shift();
    let lane = u32::try_from(settings.lane)?;
    let cpus = u32::try_from(aya::util::nr_cpus().map_err(|(path, error)| anyhow!(error).context(path))?)?;
    let (key, pair, order) = (fresh_key(cpus)?, 0_u32, u32::from(settings.order));
    let log_level: u8 = if settings.log { aya_log::Level::Debug as u8 } else { 0 };
    let fallback = u32::from(settings.fallback || settings.hook.is_in_driver());
    let hook = settings.hook.constant();
    let (digests, addresses) = match (settings.hook.is_in_driver(), settings.fallback) {
        (true, _) => (DIGESTS_ONLY, 1),
        (false, true) => (DIGESTS, ADDRESSES),
        (false, false) => (1, 1),
    };
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
        (names::KEY, key.to_ne_bytes().to_vec()),
        (names::LANE, lane.to_ne_bytes().to_vec()),
        (names::EPOCH_SHIFT, epoch_shift.to_ne_bytes().to_vec()),
        (names::CPUS, cpus.to_ne_bytes().to_vec()),
        (names::ORDER, order.to_ne_bytes().to_vec()),
        (names::FALLBACK, fallback.to_ne_bytes().to_vec()),
        (names::DIGEST_ENTRIES, digests.to_ne_bytes().to_vec()),
        (names::HOOK, hook.to_ne_bytes().to_vec()),
        (names::SAMPLE, sampling.rate.to_ne_bytes().to_vec()),
        (names::SNAPLEN, sampling.snaplen.to_ne_bytes().to_vec()),
        (names::FILTER, u32::from(filter.is_some()).to_ne_bytes().to_vec()),
        (names::STAGED, stage_on.to_ne_bytes().to_vec()),
        (names::PROBE, secret.to_ne_bytes().to_vec()),
        (aya_log::LEVEL, vec![log_level]),
    ];
    if let Ok(layout) = &layout {
        constants.extend(layout.constants(&settings.ends));
    }
    let mut entries = vec![
        (names::STAGES, if settings.stages { KINDS } else { 1 }),
        (names::ORDERS, DIRECTIONS * if settings.order { cpus } else { 1 }),
        (names::DIGESTS, DIRECTIONS * digests),
        (names::ADDRESSES, addresses),
        (names::SAMPLES, sampling.ring_bytes),
        ("AYA_LOGS", if settings.log { 1 << 17 } else { 4096 }),
    ];
    entries.extend(probing::entries(secret));
    // Never none: aya repeats a load that failed with room for a log, and to a log of no level the kernel says EINVAL, which
    // then hides what it said first.
    let verifier_log = if settings.log { VerifierLogLevel::default() } else { VerifierLogLevel::STATS };
    let object = grafted.as_ref().map_or(OBJECT, filter::Aligned::bytes);
    let mut ebpf = debug_span!("open")
        .in_scope(|| loader::open(object, verifier_log, &constants, &entries))
        .map_err(explain_object)?;
    debug_span!("verify").in_scope(|| {
        names::PROGRAMS.as_flattened().iter().try_for_each(|name| {
            classifier(&mut ebpf, name)?.load().map_err(|error| explain_program(name, error))
        })
    })?;
    let log = settings.log.then(|| KernelLog::open(&mut ebpf)).transpose()?;
    let drops = debug_span!("drops").in_scope(|| layout.and_then(|layout| Drops::attach(&mut ebpf, layout)));
    let (staging, stage_links) = settings.stages.then(|| stages::attach(&mut ebpf)).transpose()?.unzip();
    let probing = probing::take(secret, &mut ebpf)?;
    let mut map = |name| ebpf.take_map(name).with_context(|| format!("the object has no map {name}"));
    let mut methods: Array<MapData, [u32; 2]> = map(names::METHODS)?.try_into()?;
    if settings.hook.is_in_driver() {
        methods.set(0, [DIGEST; 2], 0).context("cannot tell the programs how to recognise frames")?;
    }
    Ok(Loaded {
        sent: map(names::SENT)?.try_into()?,
        received: map(names::RECEIVED)?.try_into()?,
        methods,
        samples: settings
            .sampling
            .is_some()
            .then(|| anyhow::Ok(map(names::SAMPLES)?.try_into()?))
            .transpose()?,
        probing,
        stages: staging,
        _stage_links: stage_links.unwrap_or_default(),
        drops: Some(drops),
        programs: Some(ebpf),
        log,
        epoch_shift,
    })
}

/// A secret for one observation that does not take untouched words for a stamp, in either direction.
fn fresh_key(cpus: u32) -> Result<u64> {
    loop {
        let mut bytes = [0; 8];
        rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
        let key = u64::from_ne_bytes(bytes);
        if !stamp::believes_zero(key, cpus) && !stamp::believes_zero(key ^ 1, cpus) {
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

fn explain_program(name: &str, error: ProgramError) -> anyhow::Error {
    match &error {
        ProgramError::LoadError { io_error, .. } if features::denied(io_error) => {
            features::missing_privilege("load programs into the kernel").into()
        }
        ProgramError::LoadError { io_error, verifier_log } => {
            tracing::debug!("{verifier_log}");
            Fault::unavailable(format!("the verifier of this kernel refused the program {name}: {io_error}"))
                .fix("veth-observer doctor; -vv shows what the verifier said")
                .into()
        }
        _ => anyhow!(error).context(format!("the kernel refused the program {name}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shift(timeout: Duration) -> u32 {
        Settings {
            lane: 0,
            ends: Default::default(),
            loss_timeout: timeout,
            sampling: None,
            order: false,
            fallback: false,
            hook: Hook::Tc,
            probing: false,
            stages: false,
            log: false,
        }
        .epoch_shift()
    }

    #[test]
    fn the_timeout_spans_at_most_a_quarter_of_the_epochs() {
        for millis in [1, 10, 100, 999, 2000, 5000, 60_000] {
            let timeout = Duration::from_millis(millis);
            let epoch = Duration::from_nanos(1 << shift(timeout));
            assert!(timeout <= epoch * 4, "{millis} ms");
        }
        assert_eq!(shift(Duration::from_secs(2)), 29);
        assert!(shift(Settings::LONGEST_TIMEOUT) <= TIME_BITS - 4);
    }
}
