//! All pairs of a machine under observation, as they come, move and go.

mod blocks;
mod budget;
mod collecting;
mod costs;
mod drivers;
mod failure;
mod following;
mod parting;
mod reach;
mod selection;
mod waiting;
mod workers;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Interval, MissedTickBehavior, interval},
};
use tracing::{info, warn};

use super::Observation;
use crate::{
    attach::Method,
    collect::clock,
    model::{
        drop::LastDrops,
        report::PairReport,
        snapshot::{PairEvents, PairState, RingState},
    },
    topology::{PairKey, Scout, Seen},
};

use blocks::Blocks;
use costs::Costs;
use drivers::Counted;
use parting::{Parting, SEE_OFF};
pub use selection::Selection;
use waiting::Waiting;
use workers::{Done, Job, Workers};

/// What to observe, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    pub selection: Selection,
    /// At least [`Settings::SHORTEST_TIMEOUT`]; see [`super::Settings::loss_timeout`].
    pub loss_timeout: Duration,
    pub attach: Method,
    /// See [`super::Settings::last_drops`].
    pub last_drops: u32,
}

impl Settings {
    /// Ledgers are not looked at more often than this.
    pub const SHORTEST_TIMEOUT: Duration = Duration::from_millis(100);

    /// What a page has room for.
    pub const LAST_DROPS: u32 = 16;

    fn of_pair(&self) -> super::Settings {
        super::Settings {
            loss_timeout: self.loss_timeout,
            attach: self.attach,
            last_drops: self.last_drops,
            notice: |sentence| info!("{sentence}"),
            ..super::Settings::default()
        }
    }
}

/// The longest time between two looks at the ledgers.
const TEND: Duration = Duration::from_secs(2);

/// How often to see whether a pair that could not be observed can be tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Attaches that are under way at most: a look that comes meanwhile may change what is to be attached next.
const UNDER_WAY: usize = 8;

/// Threads that take everything off at the end.
const ENDING: usize = 8;

/// How long a pair that ended stays in the snapshots, and how many such at most.
const REMEMBERED: Duration = Duration::from_mins(2);
const ENDED: usize = 256;

/// All pairs of this machine. Dropping it takes everything off again.
pub struct Fleet {
    settings: Settings,
    members: BTreeMap<u64, Member>,
    /// Those that ended.
    ended: VecDeque<Ended>,
    /// Every pair as it was last seen, and those of them that are to be observed.
    seen: BTreeMap<PairKey, Seen>,
    selected: BTreeSet<PairKey>,
    /// To be attached.
    queue: VecDeque<PairKey>,
    under_way: HashSet<PairKey>,
    /// To be taken off, once there is room among the jobs.
    leaving: Vec<Observation>,
    waiting: Waiting,
    over_limit: u64,
    known: u64,
    /// Pairs of which one end was out of reach when they were seen first: it may only be new.
    half_seen: usize,
    next_id: u64,
    started_ns: u64,
    events: PairEvents,
    errors: BTreeMap<String, u64>,
    costs_of_gone: Costs,
    /// What the rings took of pairs that are gone.
    ring: RingState,
    has_looked: bool,
    /// Once all that was seen first was dealt with.
    has_settled: bool,
    blocks: Arc<Blocks>,
    workers: Workers,
    looks: mpsc::Receiver<Vec<Seen>>,
    done: mpsc::Receiver<Done>,
    counted: mpsc::Receiver<Counted>,
    counted_sender: mpsc::Sender<Counted>,
    drivers: Interval,
    tend: Interval,
    retry: Interval,
    see_off: Interval,
    scouting: JoinHandle<()>,
}

struct Member {
    key: PairKey,
    observation: Box<Observation>,
    parting: Option<Parting>,
}

/// The last that is known of a pair.
struct Ended {
    since: Instant,
    state: PairState,
    report: PairReport,
    last_drops: [LastDrops; 2],
}

/// Something that a fleet has to do.
pub struct Event(What);

enum What {
    Seen(Vec<Seen>),
    Done(Done),
    Counted(Counted),
    ReadDrivers,
    Tend,
    Retry,
    SeeOff,
}

impl Fleet {
    /// Begins to look for pairs. Must be called on the runtime.
    pub fn start(mut settings: Settings) -> Self {
        settings.selection = budget::affordable(settings.selection);
        let blocks = Arc::new(Blocks::default());
        let (workers, done) = Workers::start(&settings, &blocks);
        let (sender, looks) = mpsc::channel(1);
        let (counted_sender, counted) = mpsc::channel(1);
        let scouting = tokio::spawn(scout(sender));
        let tend = every(settings.loss_timeout.clamp(Settings::SHORTEST_TIMEOUT, TEND));
        Self {
            settings,
            members: BTreeMap::new(),
            ended: VecDeque::new(),
            seen: BTreeMap::new(),
            selected: BTreeSet::new(),
            queue: VecDeque::new(),
            under_way: HashSet::new(),
            leaving: Vec::new(),
            waiting: Waiting::default(),
            over_limit: 0,
            known: 0,
            half_seen: 0,
            next_id: 1,
            started_ns: clock::monotonic_ns(),
            events: PairEvents::default(),
            errors: BTreeMap::new(),
            costs_of_gone: Costs::default(),
            ring: RingState::default(),
            has_looked: false,
            has_settled: false,
            blocks,
            workers,
            looks,
            done,
            counted,
            counted_sender,
            drivers: every(drivers::PERIOD),
            tend,
            retry: every(RETRY),
            see_off: every(SEE_OFF),
            scouting,
        }
    }

    /// Waits for the next thing to do. May be dropped and called again.
    pub async fn event(&mut self) -> Event {
        let is_parting = self.members.values().any(|member| member.parting.is_some());
        Event(tokio::select! {
            Some(seen) = self.looks.recv() => What::Seen(seen),
            Some(done) = self.done.recv() => What::Done(done),
            Some(counted) = self.counted.recv() => What::Counted(counted),
            _ = self.drivers.tick() => What::ReadDrivers,
            _ = self.tend.tick() => What::Tend,
            _ = self.retry.tick() => What::Retry,
            _ = self.see_off.tick(), if is_parting => What::SeeOff,
        })
    }

    /// Does it.
    pub async fn handle(&mut self, event: Event) {
        match event.0 {
            What::Seen(seen) => self.follow(seen).await,
            What::Done(done) => self.adopt(done),
            What::Counted(counted) => self.take_drivers(counted),
            What::ReadDrivers => self.read_drivers(),
            What::Tend => self.tend(),
            What::Retry => {
                if self.waiting.are_due() {
                    self.choose();
                }
            }
            What::SeeOff => self.see_off(),
        }
        self.work();
    }

    /// Whether every pair that was seen is observed, or cannot be.
    pub fn is_settled(&self) -> bool {
        let is_idle = self.queue.is_empty() && self.under_way.is_empty() && self.half_seen == 0;
        self.has_looked && is_idle
    }

    /// Gives jobs to the threads that have room.
    fn work(&mut self) {
        while let Some(observation) = self.leaving.pop() {
            if let Err(job) = self.workers.give(Job::Detach(Box::new(observation))) {
                if let Job::Detach(observation) = job {
                    self.leaving.push(*observation);
                }
                return;
            }
        }
        while self.under_way.len() < UNDER_WAY {
            let Some(key) = self.queue.pop_front() else { return };
            let Some(seen) = self.seen.get(&key) else { continue };
            if self.workers.give(Job::Attach(Box::new(seen.clone()))).is_err() {
                self.queue.push_front(key);
                return;
            }
            self.under_way.insert(key);
        }
    }
}

impl Drop for Fleet {
    /// The kernel takes off one program at a time, and waits for all CPUs with its lock on devices held (kernel/bpf/tcx.c,
    /// `tcx_link_release`). Several threads save the way to that lock and back.
    fn drop(&mut self) {
        self.scouting.abort();
        let members = std::mem::take(&mut self.members).into_values().map(|member| *member.observation);
        let mut rest: Vec<Observation> = self.leaving.drain(..).chain(members).collect();
        let share = rest.len().div_ceil(ENDING);
        std::thread::scope(|scope| {
            while !rest.is_empty() {
                let some = rest.split_off(rest.len() - share.min(rest.len()));
                scope.spawn(move || drop(some));
            }
        });
    }
}

/// Sends what it sees for as long as somebody wants to know.
async fn scout(looks: mpsc::Sender<Vec<Seen>>) {
    let mut scout = Scout::new();
    loop {
        match scout.look().await {
            Ok(seen) => {
                if looks.send(seen).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                warn!("cannot look at all pairs: {error:#}");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
