//! The corridor for one pair: topology → attach → programs → maps, ring → collect → delivery → [`Report`].

mod whereabouts;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tracing::{debug, debug_span, info, warn};
use veth_observer_common::matching;

use crate::{
    attach::{self, Attachment, Lane, Method, leftovers},
    collect::{self, Deaths, Samples, clock},
    delivery::Ledger,
    fault::Fault,
    kernel::{self, Drops, EndId, Loaded},
    model::{
        link::End,
        reading::Reading,
        report::{DirectionReport, Matching, PairReport, Report},
        sample::{Sample, Sampled},
    },
    topology::Selected,
};

pub use kernel::{Hook, Sampling};
use whereabouts::Whereabouts;

/// How long frames that left before we came may take to arrive; what comes without a stamp until then is not reported.
const SETTLE: Duration = Duration::from_millis(20);

/// How often to look whether what was in flight has landed.
const LANDING: Duration = Duration::from_millis(5);

/// How often to look whether an end was renamed or moved.
const FOLLOW: Duration = Duration::from_secs(1);

/// How often to look for a frame that is waited for.
const ARRIVING: Duration = Duration::from_millis(1);

/// Looks without a pause before that: a frame on an idle pair is there within microseconds.
const EAGER_LOOKS: u32 = 100;

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
    samples: Option<Samples>,
    deaths: Option<Deaths>,
    limits: Vec<String>,
    ledgers: [Ledger; 2],
    /// What the programs were told, of [`matching`].
    methods: [u32; 2],
    started_ns: u64,
    followed: Instant,
    ended: Option<String>,
    whereabouts: Whereabouts,
    lane: Lane,
}

impl Observation {
    /// Attaches to both ends; when this returns, every frame from now on is counted.
    pub async fn start(selected: &Selected, settings: Settings) -> Result<Self> {
        if settings.hook.is_in_driver() && (settings.probing || settings.stages) {
            return Err(Fault::usage("probes and stages are seen at tc ingress, behind XDP in the driver")
                .fix("--xdp-mode generic, or --hook tc")
                .into());
        }
        let (ends, namespaces) = (&selected.pair.ends, &selected.namespaces);
        debug_span!("sweep").in_scope(|| {
            for (end, namespace) in ends.iter().zip(namespaces) {
                // What keeps us from sweeping keeps us from attaching, and is explained there.
                if let Err(error) = leftovers::sweep(end, namespace) {
                    debug!("cannot sweep {}: {error:#}", end.label());
                }
            }
        });
        let lane = debug_span!("claim").in_scope(|| Lane::claim(ends))?;
        let mut loaded = kernel::load(&kernel::Settings {
            lane: lane.index,
            ends: ends.each_ref().map(end_id),
            loss_timeout: settings.loss_timeout,
            sampling: settings.sampling,
            order: settings.order,
            fallback: true,
            hook: settings.hook,
            probing: settings.probing,
            stages: settings.stages,
            log: settings.kernel_log,
        })?;
        let (method, hook, notice) = (settings.attach, settings.hook, settings.notice);
        let options = attach::Options { method, hook, lane: lane.index, notice };
        let attachment =
            debug_span!("attach").in_scope(|| Attachment::new(&mut loaded, ends, namespaces, options))?;
        if attachment.method() == Method::Tcx {
            loaded.let_go();
        }
        let (deaths, mut limits) = seeing_deaths(loaded.drops.take());
        let in_driver = settings.hook.is_in_driver();
        if in_driver {
            limits.push(IN_DRIVER.to_owned());
        }
        let timeout_ns = u64::try_from(settings.loss_timeout.as_nanos())?;
        let ledger = Ledger::new(timeout_ns, loaded.epoch_shift, !in_driver);
        let mut this = Self {
            pair: ends[0].label(),
            ends: ends.clone(),
            settings,
            attachment,
            samples: loaded.samples.take().map(Samples::new),
            deaths,
            limits,
            loaded,
            ledgers: [ledger.clone(), ledger],
            methods: [if in_driver { matching::DIGEST } else { matching::STAMP }; 2],
            started_ns: clock::monotonic_ns(),
            followed: Instant::now(),
            ended: None,
            whereabouts: Whereabouts([namespaces[0].address(), namespaces[1].address()]),
            lane,
        };
        tokio::time::sleep(SETTLE).await;
        let readings = this.read()?;
        // In the driver, counting begins with the first arrival that was seen sent.
        if !in_driver {
            for (ledger, reading) in this.ledgers.iter_mut().zip(readings.iter()) {
                ledger.start(reading);
            }
        }
        info!(a = %this.ends[0].label(), b = %this.ends[1].label(), "observing");
        Ok(this)
    }

    /// The ledger as it stands.
    pub fn report(&mut self) -> Result<Report> {
        let readings = self.read()?;
        self.notice_end();
        let report = self.report_of(&readings);
        self.follow_matching()?;
        Ok(report)
    }

    /// What must be done at least every [`Observation::LOOK`]: tells what is lost in time, changes the way of recognising
    /// frames where the path asks for it, follows the ends, and forwards what the kernel programs logged. True while there
    /// is something to observe.
    pub async fn tend(&mut self) -> Result<bool> {
        self.flush_log();
        if self.followed.elapsed() >= FOLLOW {
            self.follow().await;
        }
        self.report()?;
        Ok(self.ended.is_none())
    }

    /// Looks where the ends are now, so that reports call them by their present names.
    pub async fn follow(&mut self) {
        self.followed = Instant::now();
        for at in 0..2 {
            let Some(now) = self.whereabouts.look(at, &self.attachment).await else { continue };
            let before = std::mem::replace(&mut self.ends[at], now);
            let now = &mut self.ends[at];
            now.owner.clone_from(&before.owner);
            let moved = (before.netns.inode, before.ifindex) != (now.netns.inode, now.ifindex);
            if moved || before.ifname != now.ifname {
                let [before, now] = [&before, &*now].map(|end| format!("{} ({})", end.label(), end.netns));
                (self.settings.notice)(&format!("{before} is now {now}"));
            }
            if moved && !self.lane.follow(&self.ends[at]).unwrap_or(true) {
                let label = self.ends[at].label();
                self.ended = Some(format!("{label} moved to where another observer uses the same lane"));
            }
        }
    }

    /// How the programs are attached, never [`Method::Auto`].
    pub fn method(&self) -> Method {
        self.attachment.method()
    }

    /// How often it wants to be tended.
    pub const LOOK: Duration = Duration::from_millis(100);

    /// What probe frames must carry; none unless they were asked for.
    pub fn probe_secret(&self) -> Option<u64> {
        self.loaded.probing.as_ref().map(|probing| probing.secret)
    }

    /// Samples written since the last call, oldest first, at most `most`.
    pub fn samples(&mut self, most: usize) -> Vec<Sample> {
        self.samples.as_mut().map_or_else(Vec::new, |samples| samples.take(most))
    }

    /// Waits for a frame of exactly these bytes from an end (0 or 1) to be sampled at the other; other samples are dropped.
    /// Takes a sampling rate of 1 and a snap length no shorter than the frame.
    pub async fn arrival(&mut self, from: usize, frame: &[u8], timeout: Duration) -> Result<Option<Sample>> {
        let deadline = tokio::time::Instant::now() + timeout;
        let mut looks = 0;
        loop {
            let last = tokio::time::Instant::now() >= deadline || self.ended().is_some();
            while let Some(sample) = self.samples(1).pop() {
                if sample.from == from && sample.bytes == frame {
                    return Ok(Some(sample));
                }
            }
            if last {
                return Ok(None);
            }
            looks += 1;
            if looks < EAGER_LOOKS {
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(ARRIVING).await;
            }
        }
    }

    /// What sampling took, skipped and lost so far, in both directions.
    pub fn sampled(&mut self) -> Result<Sampled> {
        let mut sum = Sampled::default();
        for Reading { received, .. } in self.read()?.iter() {
            sum.taken += received.sampled;
            sum.skipped += received.skipped;
            sum.lost += received.sample_lost;
        }
        Ok(sum)
    }

    /// Why there is nothing more to observe: an end was deleted, say. `None` while there is.
    pub fn ended(&mut self) -> Option<&str> {
        self.notice_end();
        self.ended.as_deref()
    }

    /// Stops counting departures, waits until what is in flight has landed or is lost, and gives the final report.
    /// Samples that are still in the ring can be taken afterwards.
    pub async fn finish(&mut self) -> Result<Report> {
        self.follow().await;
        self.attachment.close_egress();
        let deadline = tokio::time::Instant::now() + self.settings.loss_timeout;
        loop {
            let readings = self.read()?;
            self.notice_end();
            let landed = self.report_of(&readings).pairs[0].directions.iter().all(has_landed);
            if landed || self.ended.is_some() || tokio::time::Instant::now() >= deadline {
                for (ledger, reading) in self.ledgers.iter_mut().zip(readings.iter()) {
                    ledger.close(reading);
                }
                return Ok(self.report_of(&readings));
            }
            tokio::time::sleep(LANDING).await;
        }
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

    fn read(&mut self) -> Result<Box<[Reading; 2]>> {
        let mut readings = collect::read(&self.loaded.sent, &self.loaded.received, self.deaths.as_mut(), 0)?;
        if let Some(probing) = &self.loaded.probing {
            collect::read_probes(probing, &mut readings, 0)?;
        }
        if let Some(stages) = &self.loaded.stages {
            collect::read_stages(stages, &mut readings)?;
        }
        Ok(readings)
    }

    /// Tells the programs what the ledgers have come to.
    fn follow_matching(&mut self) -> Result<()> {
        let methods = self.ledgers.each_ref().map(|ledger| match ledger.matching() {
            Matching::Stamp => matching::STAMP,
            Matching::Address => matching::ADDRESS,
            Matching::Digest => matching::DIGEST,
        });
        if methods != self.methods {
            info!(?methods, "frames are recognised in another way");
            self.loaded.methods.set(0, methods, 0).context("cannot change the way of recognising frames")?;
            self.methods = methods;
        }
        Ok(())
    }

    fn notice_end(&mut self) {
        if self.ended.is_none()
            && let Some(gone) = self.attachment.gone()
        {
            self.ended = Some(gone.sentence(&self.ends[gone.end]));
        }
    }

    fn report_of(&mut self, readings: &[Reading; 2]) -> Report {
        let names = self.names();
        let directions: [DirectionReport; 2] = [(0, 1), (1, 0)]
            .map(|(from, to)| self.ledgers[from].report(&readings[from], &names[from], &names[to]));
        Report::new(vec![PairReport {
            pair: self.pair.clone(),
            elapsed_ns: readings[0].before_ns.saturating_sub(self.started_ns),
            ended: self.ended.clone(),
            limits: self.limits.clone(),
            ends: self.ends.clone(),
            directions,
        }])
    }

    /// The name of an end, with its namespace where both ends are called the same.
    fn name(&self, end: usize) -> String {
        let label = self.ends[end].label();
        if label == self.ends[1 - end].label() { format!("{label}@{}", self.ends[end].netns) } else { label }
    }
}

fn has_landed(direction: &DirectionReport) -> bool {
    direction.in_flight == 0 && direction.probes.as_ref().is_none_or(|probes| probes.in_flight == 0)
}

fn end_id(end: &End) -> EndId {
    EndId { ifindex: end.ifindex, netns_cookie: end.netns.cookie.unwrap_or_default() }
}

/// Where frames die, or the sentence for why that cannot be seen.
fn seeing_deaths(drops: Option<Result<Drops>>) -> (Option<Deaths>, Vec<String>) {
    match drops {
        Some(Ok(drops)) if drops.has_reasons => (Some(Deaths::new(drops)), Vec::new()),
        Some(Ok(drops)) => {
            let limit = "this kernel tells where frames are dropped but not why (Linux 5.17 does)";
            (Some(Deaths::new(drops)), vec![limit.to_owned()])
        }
        Some(Err(error)) => {
            debug!("cannot see drops: {error:#}");
            (None, vec![format!("where lost frames died cannot be seen: {}", error.root_cause())])
        }
        None => (None, Vec::new()),
    }
}
