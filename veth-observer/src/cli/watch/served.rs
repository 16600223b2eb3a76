//! Frames for clients of an agent: what `watch -j` would print as root, each with programs of its own on the pair.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use axum::body::Bytes;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::MissedTickBehavior,
};
use tracing::{debug, info};

use super::{LOOK, choice::Choice, summary};
use crate::{
    agent::frames::{Asked, Question, Refusal},
    attach::Taken,
    cli::sampling::ring_bytes,
    fault::{Fault, Kind},
    model::SCHEMA,
    observe::{Observation, Sampling, Settings},
    pcap,
    topology::Selected,
    view::object::object,
};

/// Clients at a time. Each takes a ring of its own; of one pair there is a lane for one.
const MOST: usize = 4;

/// How often it is said what was left out so far.
const PROGRESS: Duration = Duration::from_secs(1);

/// Bytes of frames that go into one chunk, about.
const CHUNK: u32 = 1 << 18;

/// Beside the bytes of a frame, what is said of it.
const SAID: u32 = 600;

/// Those who watch. They end with their clients.
pub(in crate::cli) struct Watchers(Arc<Semaphore>);

impl Watchers {
    pub(in crate::cli) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MOST)))
    }

    /// Begins to watch for a client; whoever calls waits for nothing.
    pub(in crate::cli) fn begin(&self, asked: Asked, pair: Option<Selected>, loss_timeout: Duration) {
        let Ok(place) = Arc::clone(&self.0).try_acquire_owned() else {
            let full = Refusal::Full(format!("{MOST} clients watch frames already, and no more may"));
            // A client that went away needs no answer.
            drop(asked.begun.send(Err(full)));
            return;
        };
        let Some(pair) = pair else { return drop(asked.begun.send(Err(Refusal::Unknown))) };
        let runtime = Handle::current();
        // Attaching blocks, and a flood of frames is work: neither may hold up whoever counts.
        tokio::task::spawn_blocking(move || runtime.block_on(watch(asked, pair, loss_timeout, place)));
    }
}

async fn watch(asked: Asked, pair: Selected, loss_timeout: Duration, _place: OwnedSemaphorePermit) {
    let Asked { id, question, begun, lines } = asked;
    let choice = Choice::of(&question);
    match start(&question, &choice, &pair, loss_timeout).await {
        Err(error) => drop(begun.send(Err(refusal(&error)))),
        Ok(observation) => {
            info!(id, filter = question.filter, "a client watches frames");
            drop(begun.send(Ok(())));
            let watching = Watching { observation, question, choice, lines, printed: 0 };
            if let Err(error) = watching.run().await {
                debug!("no more frames for a client: {error:#}");
            }
            info!(id, "a client has stopped watching");
        }
    }
}

async fn start(
    question: &Question,
    choice: &Choice,
    pair: &Selected,
    loss_timeout: Duration,
) -> Result<Observation> {
    let filter = question.filter.trim();
    let filter = (!filter.is_empty()).then(|| pcap::compile(filter)).transpose()?.map(Arc::new);
    let (rate, snaplen, departures) = (question.sample, question.snaplen, choice.departures());
    let ring_bytes = ring_bytes(snaplen, departures);
    let sampling = Some(Sampling { rate, snaplen, ring_bytes, departures, filter });
    let notice = |sentence: &str| info!("{sentence}");
    Observation::start(pair, Settings { loss_timeout, sampling, notice, ..Settings::default() }).await
}

fn refusal(error: &anyhow::Error) -> Refusal {
    let text = format!("{error:#}");
    match error.downcast_ref::<Fault>().map(|fault| fault.kind) {
        _ if error.is::<Taken>() => Refusal::Full(text),
        Some(Kind::Usage) => Refusal::Wrong(text),
        _ => Refusal::Failed(text),
    }
}

struct Watching {
    observation: Observation,
    question: Question,
    choice: Choice,
    lines: mpsc::Sender<Bytes>,
    printed: u64,
}

impl Watching {
    async fn run(mut self) -> Result<()> {
        let (mut look, mut tend) = (tokio::time::interval(LOOK), tokio::time::interval(Observation::LOOK));
        let mut progress = tokio::time::interval(PROGRESS);
        progress.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.has_enough() {
            tokio::select! {
                () = self.lines.closed() => return Ok(()),
                _ = look.tick() => if self.observation.ended().is_some() { break },
                _ = tend.tick() => if !self.observation.tend().await? { break },
                _ = progress.tick() => self.say("progress")?,
            }
            // What a client does not take stays in the ring, which counts what it has no room for.
            while self.lines.capacity() > 1 && self.pass_on()? {}
        }
        if !self.has_enough() && self.choice.departures() {
            self.observation.finish().await?;
        }
        while !self.has_enough() {
            // Until there is room again, which ends with the patience of the server.
            self.lines.reserve().await?;
            if !self.pass_on()? {
                break;
            }
        }
        let line = self.line("summary")?;
        Ok(self.lines.send(line).await?)
    }

    fn has_enough(&self) -> bool {
        self.question.count.is_some_and(|count| self.printed >= count)
    }

    /// Sends what the ring has, at most a chunk, for which there is room; false when there was less.
    fn pass_on(&mut self) -> Result<bool> {
        let kept = if self.question.hex { 2 * self.question.snaplen } else { 0 };
        let most = usize::try_from((CHUNK / (kept + SAID)).max(1))?;
        let names = self.observation.names();
        let names = [names[0].as_str(), names[1].as_str()];
        let samples = self.observation.samples(most)?;
        let mut chunk = Vec::new();
        for sample in samples.iter().filter(|sample| self.choice.takes_sample(sample)) {
            if self.question.count.is_some_and(|count| self.printed >= count) {
                break;
            }
            let object = object(sample, names);
            let object = if self.question.hex { object.with_bytes(&sample.bytes) } else { object };
            serde_json::to_writer(&mut chunk, &object)?;
            chunk.push(b'\n');
            self.printed += 1;
        }
        if !chunk.is_empty() {
            self.lines.try_send(chunk.into())?;
        }
        Ok(samples.len() == most && !self.has_enough())
    }

    /// Says what was left out so far, if there is room.
    fn say(&mut self, what: &str) -> Result<()> {
        let line = self.line(what)?;
        match self.lines.try_send(line) {
            Err(mpsc::error::TrySendError::Closed(_)) => anyhow::bail!("the client is gone"),
            _ => Ok(()),
        }
    }

    fn line(&mut self, what: &str) -> Result<Bytes> {
        let summary = summary(&mut self.observation, self.printed)?;
        Ok(format!("{}\n", serde_json::json!({ "schema": SCHEMA, what: summary })).into())
    }
}
