//! The corridor for one pair: topology → attach → programs → maps, ring → collect → delivery → [`Report`].

mod dropped;
pub mod fleet;
mod ledgers;
mod placed;
mod samples;
mod whereabouts;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use anyhow::Result;
use tracing::{debug, debug_span, info, warn};
use veth_observer_common::{matching, slot};

use crate::{
    attach::{self, Attachment, Lane, Method, leftovers},
    collect::{Deaths, Samples, clock},
    delivery::{Fates, Ledger},
    fault::Fault,
    kernel::{self, EndId, Loaded},
    model::{
        drop::LastDrops,
        link::{End, Pair},
        report::{Matching, SeenAt},
    },
    netns::Namespace,
    topology::Selected,
};

pub use kernel::{Hook, Sampling};
use placed::Placed;
use samples::Sampler;
use whereabouts::{Driver, Whereabouts};

/// How long frames that left before we came may take to arrive, and how long to watch whether stamps survive the traffic
/// that there is; what comes until then is in no number.
const SETTLE: Duration = Duration::from_millis(20);

/// What cannot be told at XDP in the driver.
const IN_DRIVER: &str = "at XDP in the driver frames are known by their bytes: delays are those of the frames that can be told \
    apart, of a buffer that is cut up its first frame, order and duplicates are not told, and bytes lack the VLAN tags that \
    the kernel keeps beside a frame";

/// The longest loss timeout that can be asked for.
pub const LONGEST_TIMEOUT: Duration = kernel::Settings::LONGEST_TIMEOUT;

/// What to observe beyond counting and timing every frame.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each turns one independent thing on")]
pub struct Settings {
    /// A frame that takes longer is lost (Tmax of RFC 7680); at most [`LONGEST_TIMEOUT`].
    pub loss_timeout: Duration,
    pub sampling: Option<Sampling>,
    /// Remember so many of the frames that died last in each direction; not beside sampling. 0 for none.
    pub last_drops: u32,
    /// Tell order, duplicates and delay variation.
    pub order: bool,
    /// Be ready for probe frames with the secret that [`Observation::probe_secret`] then tells.
    pub probing: bool,
    /// See frames on their way too, at a cost to all traffic of the machine.
    pub stages: bool,
    /// Let the kernel programs write into our log.
    pub kernel_log: bool,
    pub attach: Method,
    /// Where arrivals are counted and timed.
    pub hook: Hook,
    /// Told before something is done that traffic may feel, and when an end is renamed or moved.
    pub notice: fn(&str),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            loss_timeout: Duration::from_secs(2),
            sampling: None,
            last_drops: 0,
            order: true,
            probing: false,
            stages: false,
            kernel_log: false,
            attach: Method::Auto,
            hook: Hook::Tc,
            notice: |sentence| warn!("{sentence}"),
        }
    }
}

/// One pair under observation. Dropping it takes everything off again.
pub struct Observation {
    pair: String,
    ends: [End; 2],
    settings: Settings,
    // Before `loaded`: programs come off their hooks before their maps go.
    attachment: Attachment,
    loaded: Loaded,
    sampler: Option<Sampler>,
    deaths: Option<Arc<Mutex<Deaths>>>,
    last_drops: [LastDrops; 2],
    limits: Vec<String>,
    ledgers: [Ledger; 2],
    /// What the programs were told of each direction, of [`matching`]: how to recognise frames, and whether they count.
    told: [u32; 2],
    phase: u32,
    started_ns: u64,
    followed: Instant,
    ended: Option<String>,
    /// Nothing more is counted.
    finished: bool,
    whereabouts: Whereabouts,
    drivers: [Driver; 2],
    lane: Lane,
    /// Whether programs are on each end.
    observed: [bool; 2],
}

impl Observation {
    /// Attaches to both ends; when this returns, every frame from now on is counted.
    pub async fn start(selected: &Selected, settings: Settings) -> Result<Self> {
        let namespaces = selected.namespaces.each_ref().map(Some);
        let mut this = Self::attach(&selected.pair, namespaces, settings, Placed::alone)?;
        this.begin().await?;
        Ok(this)
    }

    /// Attaches programs that wait, to the ends whose namespace is given: both, or one, of which then is told what leaves and
    /// what arrives there. Blocks, most of the time for the kernel to notice that they are there.
    fn attach(
        pair: &Pair,
        namespaces: [Option<&Namespace>; 2],
        settings: Settings,
        load: impl FnOnce(&kernel::Settings) -> Result<Placed>,
    ) -> Result<Self> {
        if settings.hook.is_in_driver() && (settings.probing || settings.stages) {
            return Err(Fault::usage("probes and stages are seen at tc ingress, behind XDP in the driver")
                .fix("--xdp-mode generic, or --hook tc")
                .into());
        }
        let ends = &pair.ends;
        let observed = namespaces.map(|namespace| namespace.is_some());
        let reached = || ends.iter().zip(namespaces).filter_map(|(end, namespace)| Some((end, namespace?)));
        debug_span!("sweep").in_scope(|| {
            for (end, namespace) in reached() {
                // What keeps us from sweeping keeps us from attaching, and is explained there.
                if let Err(error) = leftovers::sweep(end, namespace) {
                    debug!("cannot sweep {}: {error:#}", end.label());
                }
            }
        });
        let in_driver = settings.hook.is_in_driver();
        let lane = debug_span!("claim")
            .in_scope(|| Lane::claim(&reached().map(|(end, _)| end).collect::<Vec<_>>()))?;
        let Placed { mut loaded, deaths, mut limits } = load(&kernel::Settings {
            lane: lane.index,
            ends: ends.each_ref().map(end_id),
            loss_timeout: settings.loss_timeout,
            sampling: settings.sampling.clone(),
            tell: settings.last_drops,
            order: settings.order,
            fallback: true,
            hook: settings.hook,
            probing: settings.probing,
            stages: settings.stages,
            one_end: observed != [true; 2],
            log: settings.kernel_log,
        })?;
        let unbegun = matching::BEFORE | if in_driver { matching::DIGEST } else { matching::STAMP };
        loaded.maps().tell(loaded.pair(), [unbegun; 2])?;
        let (method, hook, notice) = (settings.attach, settings.hook, settings.notice);
        let options = attach::Options { method, hook, lane: lane.index, notice };
        let attachment =
            debug_span!("attach").in_scope(|| Attachment::new(&mut loaded, ends, namespaces, options))?;
        if attachment.method() == Method::Tcx {
            loaded.let_go();
        }
        if in_driver {
            limits.push(IN_DRIVER.to_owned());
        }
        let timeout_ns = u64::try_from(settings.loss_timeout.as_nanos())?;
        let departures = settings.sampling.as_ref().is_some_and(|sampling| sampling.departures);
        let fates = departures.then(|| Fates::new(timeout_ns, 1 << loaded.epoch_shift, in_driver));
        let sampler = loaded.samples.take().map(|ring| Sampler::new(Samples::new(ring), fates));
        let ledger = Ledger::new(timeout_ns, loaded.epoch_shift, !in_driver);
        Ok(Self {
            pair: name(ends, 0),
            ends: ends.clone(),
            settings,
            attachment,
            sampler,
            finished: false,
            deaths,
            last_drops: Default::default(),
            limits,
            loaded,
            ledgers: [ledger.clone(), ledger],
            told: [unbegun; 2],
            phase: matching::BEFORE,
            started_ns: clock::monotonic_ns(),
            followed: Instant::now(),
            ended: None,
            whereabouts: Whereabouts(namespaces.map(|namespace| Some(namespace?.address()))),
            drivers: [0, 1].map(|end| Driver::first(namespaces[end], ends[end].ifindex)),
            lane,
            observed,
        })
    }

    /// Finds a way of recognising frames that fits the traffic there is, and then begins to count.
    async fn begin(&mut self) -> Result<()> {
        let mut before = self.read()?;
        // Of one end alone there is nothing to recognise.
        while self.observed == [true; 2] {
            tokio::time::sleep(SETTLE).await;
            let after = self.read()?;
            let mut turned = false;
            for (ledger, (before, after)) in self.ledgers.iter_mut().zip(before.iter().zip(after.iter())) {
                turned |= ledger.try_on(before, after);
            }
            if !turned {
                break;
            }
            self.tell()?;
            before = after;
        }
        for (direction, ledger) in (0..).zip(&self.ledgers) {
            if ledger.matching() == Matching::Digest {
                self.loaded.maps().set_begun(slot(self.loaded.pair(), direction), false)?;
            }
        }
        self.phase = 0;
        self.started_ns = clock::monotonic_ns();
        self.ledgers.iter_mut().for_each(|ledger| ledger.start(self.started_ns));
        self.tell()?;
        info!(a = %self.ends[0].label(), b = %self.ends[1].label(), "observing");
        Ok(())
    }

    /// How the programs are attached, never [`Method::Auto`].
    pub fn method(&self) -> Method {
        self.attachment.method()
    }

    /// What probe frames must carry; none unless they were asked for.
    pub fn probe_secret(&self) -> Option<u64> {
        self.loaded.probing.as_ref().map(|probing| probing.secret)
    }

    /// Why there is nothing more to observe: an end was deleted, say. `None` while there is.
    pub fn ended(&mut self) -> Option<&str> {
        self.notice_end();
        self.ended.as_deref()
    }

    /// Says why there is to be nothing more, unless it ended by itself.
    fn end(&mut self, reason: &str) {
        self.ended.get_or_insert_with(|| reason.to_owned());
    }

    /// What the ends are called in reports.
    pub fn names(&self) -> [String; 2] {
        [self.name(0), self.name(1)]
    }

    /// Forwards what the kernel programs logged.
    pub fn flush_log(&mut self) {
        if let Some(log) = &mut self.loaded.log {
            log.flush();
        }
    }

    /// Where frames are seen that leave an end.
    fn seen_at(&self, from: usize) -> SeenAt {
        match (self.observed[from], self.observed[1 - from]) {
            (true, true) => SeenAt::Both,
            (true, false) => SeenAt::Departure,
            (false, _) => SeenAt::Arrival,
        }
    }

    fn notice_end(&mut self) {
        if self.ended.is_none()
            && let Some(gone) = self.attachment.gone()
        {
            let end = &self.ends[gone.end];
            self.ended = Some(gone.sentence(end, || self.whereabouts.has(gone.end, end.ifindex)));
        }
    }

    /// The name of an end, with its namespace where both ends are called the same.
    fn name(&self, end: usize) -> String {
        name(&self.ends, end)
    }
}

fn name(ends: &[End; 2], end: usize) -> String {
    let label = ends[end].label();
    if label == ends[1 - end].label() { format!("{label}@{}", ends[end].netns) } else { label }
}

fn end_id(end: &End) -> EndId {
    EndId { ifindex: end.ifindex, netns_cookie: end.netns.cookie.unwrap_or_default() }
}
