//! The web server of the agent: what it serves, to Prometheus itself and to clients that mean no good. Traffic stays on
//! loopback.

mod asked;
mod client;
mod dashboard;
mod exposition;
mod expressions;
mod fake;
mod growing;
mod hostile;
mod observed;
#[cfg(feature = "otlp")]
mod otlp;
mod page;
mod prometheus;
mod routes;
mod rules;
mod security;
mod socket;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::runtime::Runtime;
use veth_observer::{
    agent::{
        http::{Address, Flags, Limits, Serving},
        source::Source,
    },
    model::snapshot::Snapshot,
    view::metrics::Versions,
};

/// A running server and whoever collects for it, ended with the value.
struct Agent {
    serving: Serving,
    runtime: Option<Runtime>,
    collections: Arc<AtomicU64>,
}

impl Agent {
    /// On a port of loopback that the kernel chooses.
    fn start(collect: impl FnMut(u64) -> Snapshot + Send + 'static) -> Self {
        Self::with(&flags(&["127.0.0.1:0"]), Limits::default(), collect)
    }

    /// `collect` is told how often it was called before.
    fn with(
        flags: &Flags,
        limits: Limits,
        mut collect: impl FnMut(u64) -> Snapshot + Send + 'static,
    ) -> Self {
        let (source, mut requests) = Source::new();
        let agent = Self::of_source(flags, limits, source);
        let collections = Arc::clone(&agent.collections);
        agent.runtime().spawn(async move {
            loop {
                requests.due().await;
                let before = collections.fetch_add(1, Ordering::Relaxed);
                requests.answer(collect(before));
            }
        });
        agent
    }

    fn of_source(flags: &Flags, limits: Limits, source: Source) -> Self {
        let serving = Serving::start(flags, limits, source, versions()).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { serving, runtime: Some(runtime), collections: Arc::default() }
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("it runs")
    }

    /// The first address.
    fn address(&self) -> SocketAddr {
        match &self.serving.addresses()[0] {
            Address::Tcp(address) => *address,
            Address::Unix(path) => panic!("{} is no address", path.display()),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    fn collections(&self) -> u64 {
        self.collections.load(Ordering::Relaxed)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }
}

/// Why a server does not start.
fn refused(flags: &Flags) -> anyhow::Error {
    let started = Serving::start(flags, Limits::default(), Source::new().0, versions());
    started.expect_err("it is refused")
}

fn versions() -> Versions {
    Versions { observer: "0", kernel: "0".into() }
}

fn flags(listen: &[&str]) -> Flags {
    Flags {
        listen: listen.iter().map(|address| address.parse().unwrap()).collect(),
        telemetry_path: "/metrics".into(),
        config_file: None,
        coarse_histograms: false,
        drop_locations: false,
        frames: false,
    }
}
