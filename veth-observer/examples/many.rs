//! Observes every pair between two namespaces at once, and prints what that took as one line of JSON. Part of
//! `cargo xtask bench`.
//!
//!     many NETNS NETNS tcx|clsact

#![expect(clippy::print_stdout, reason = "speaks on standard output")]

use std::{
    collections::BTreeMap,
    fs,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::task::JoinSet;
use tracing::span::Id;
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};
use veth_observer::{
    attach::Method,
    observe::{Observation, Settings},
    topology::{Selected, Snapshot},
};

#[tokio::main]
async fn main() -> Result<()> {
    tracing_subscriber::registry().with(Phases).try_init()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [near, far, method] = &arguments[..] else { bail!("usage: many NETNS NETNS tcx|clsact") };
    let attach = match method.as_str() {
        "clsact" => Method::Clsact,
        _ => Method::Tcx,
    };
    let pairs = pairs_between([near, far]).await?;
    ensure!(!pairs.is_empty(), "no pair between {near} and {far}");
    let count = pairs.len();

    let before = Process::now()?;
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for selected in pairs {
        let settings = Settings { attach, notice: |_| (), ..Settings::default() };
        tasks.spawn(async move { Observation::start(&selected, settings).await });
    }
    let mut observations = Vec::with_capacity(count);
    while let Some(done) = tasks.join_next().await {
        observations.push(done??);
    }
    let attached = start.elapsed();
    let after = Process::now()?;

    // The first look touches memory for the first time.
    let mut looks = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        for observation in &mut observations {
            let report = observation.report()?;
            ensure!(report.pairs[0].ended.is_none(), "lost {}", report.pairs[0].pair);
        }
        looks.push(millis(start.elapsed()));
    }
    looks.sort_unstable_by(f64::total_cmp);

    let start = Instant::now();
    drop(observations);
    let detached = start.elapsed();
    let phases = SPENT.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let line = serde_json::json!({
        "pairs": count,
        "start_ms": millis(attached),
        "start_cpu_ms": millis(after.cpu.saturating_sub(before.cpu)),
        "phases_ms": phases.into_iter().map(|(name, time)| (name, millis(time))).collect::<BTreeMap<_, _>>(),
        "read_ms": looks[looks.len() / 2],
        "detach_ms": millis(detached),
        "rss_kib": after.rss_kib,
        "rss_before_kib": before.rss_kib,
        "files": after.files,
    });
    println!("{line}");
    Ok(())
}

async fn pairs_between(names: [&str; 2]) -> Result<Vec<Selected>> {
    let snapshot = Snapshot::take().await?;
    let between = |selected: &Selected| {
        names.iter().all(|name| {
            selected.namespaces.iter().any(|namespace| namespace.id.name.as_deref() == Some(name))
        })
    };
    let pairs = snapshot.pairs().into_iter().filter_map(|sighting| {
        let [Some(first), Some(second)] = sighting.namespaces else { return None };
        Some(Selected { pair: sighting.pair, namespaces: [first, second] })
    });
    Ok(pairs.filter(between).collect())
}

/// What the process has used so far.
struct Process {
    rss_kib: u64,
    cpu: Duration,
    files: usize,
}

impl Process {
    fn now() -> Result<Self> {
        let status = fs::read_to_string("/proc/self/status")?;
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB"));
        let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Ok(Self {
            rss_kib: rss.context("no VmRSS")?.trim().parse()?,
            cpu: Duration::new(cpu.tv_sec.try_into()?, cpu.tv_nsec.try_into()?),
            files: fs::read_dir("/proc/self/fd")?.count(),
        })
    }
}

/// Time between entering and leaving each span of the library, by its name; of several threads at once, all of it.
static SPENT: Mutex<BTreeMap<&str, Duration>> = Mutex::new(BTreeMap::new());

struct Phases;

struct Entered(Instant);

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Phases {
    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            span.extensions_mut().replace(Entered(Instant::now()));
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let extensions = span.extensions();
        let Some(Entered(start)) = extensions.get() else { return };
        let mut spent = SPENT.lock().unwrap_or_else(PoisonError::into_inner);
        *spent.entry(span.name()).or_default() += start.elapsed();
    }
}

fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
