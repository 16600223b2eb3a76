//! Where the numbers of `top` come from, one moment each refresh: an agent, or a fleet of our own.

use std::time::Duration;

use anyhow::Result;
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Interval, MissedTickBehavior, interval, sleep},
};

use crate::{
    attach::Method,
    cli::{origin::Origin, remote::ANEW},
    client::{Address, Client, Moment},
    fault::Fault,
    kernel::features,
    model::{report::Source, snapshot::Snapshot},
    observe::fleet::{Fleet, Selection, Settings},
    topology::Selector,
};

pub(super) enum Event {
    Moment(Box<Moment>),
    /// Why there is none.
    Gone(String),
}

pub(super) struct Feed {
    name: String,
    source: Source,
    events: mpsc::Receiver<Event>,
    task: JoinHandle<()>,
}

impl Feed {
    /// Of the agent that was named, else of the one at the usual place, else of our own programs.
    pub(super) async fn start(
        origin: &Origin,
        refresh: Duration,
        pairs: &[Selector],
        loss_timeout: Duration,
    ) -> Result<Self> {
        let wanted = origin.wanted()?;
        let address = wanted.clone().unwrap_or_default();
        if !origin.is_direct() {
            match Client::connect(address.clone()).await {
                Ok(client) => return Ok(Self::of_agent(client, address, refresh)),
                Err(trouble) if wanted.is_some() || !features::missing_capabilities()?.is_empty() => {
                    let fault = trouble.at(&address);
                    return Err(fault.into());
                }
                Err(_) => {}
            }
        }
        let missing = features::missing_capabilities()?;
        if !missing.is_empty() {
            return Err(features::missing_privilege("observe all pairs").into());
        }
        if loss_timeout < Settings::SHORTEST_TIMEOUT {
            let message = "of many pairs at once it cannot be told that a frame is lost in less than 100ms";
            return Err(Fault::usage(message).fix("--loss-timeout 100ms").into());
        }
        Ok(Self::of_fleet(pairs.to_vec(), refresh, loss_timeout))
    }

    fn of_agent(client: Client, address: Address, refresh: Duration) -> Self {
        let (sender, events) = mpsc::channel(1);
        let name = format!("the agent at {address}");
        let task = tokio::spawn(ask(client, address, every(refresh), sender));
        Self { name, source: Source::Agent, events, task }
    }

    fn of_fleet(pairs: Vec<Selector>, refresh: Duration, loss_timeout: Duration) -> Self {
        let (sender, events) = mpsc::channel(1);
        let selection = Selection { pairs, max_pairs: usize::MAX, ..Selection::default() };
        let fleet = Fleet::start(Settings { selection, loss_timeout, attach: Method::Auto, last_drops: 0 });
        let task = tokio::spawn(observe(fleet, every(refresh), sender));
        Self { name: "programs of its own".into(), source: Source::Direct, events, task }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn source(&self) -> Source {
        self.source
    }

    /// None when nothing comes any more. May be dropped and called again.
    pub(super) async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Ends it; returns when everything is taken off.
    pub(super) async fn stop(mut self) {
        self.events.close();
        self.task.abort();
        // It was told to, or had ended.
        let _ = self.task.await;
    }
}

async fn ask(mut client: Client, address: Address, mut ticks: Interval, events: mpsc::Sender<Event>) {
    // What had happened before must not seem to be ours.
    sleep(ANEW).await;
    loop {
        ticks.tick().await;
        let event = match client.all().await {
            Ok(moment) => Event::Moment(Box::new(moment)),
            Err(trouble) => Event::Gone(trouble.at(&address).message),
        };
        if events.send(event).await.is_err() {
            return;
        }
    }
}

async fn observe(mut fleet: Fleet, mut ticks: Interval, events: mpsc::Sender<Event>) {
    loop {
        tokio::select! {
            event = fleet.event() => fleet.handle(event).await,
            _ = ticks.tick() => {
                let Snapshot { report, agent } = fleet.snapshot();
                if report.pairs.is_empty() && !fleet.is_settled() {
                    continue;
                }
                let event = match &agent.ready {
                    Err(why) if report.pairs.is_empty() => Event::Gone(why.clone()),
                    _ => {
                        let ids = agent.observed.iter().map(|state| state.id);
                        let pairs = ids.zip(report.pairs).collect();
                        Event::Moment(Box::new(Moment { pairs, agent }))
                    }
                };
                // Whoever draws has not yet taken the last one.
                if matches!(events.try_send(event), Err(mpsc::error::TrySendError::Closed(_))) {
                    return;
                }
            }
        }
    }
}

fn every(refresh: Duration) -> Interval {
    let mut ticks = interval(refresh);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
