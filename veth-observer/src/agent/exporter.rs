//! Snapshots as bodies of answers. Each is made once: who asks for the same in the same way shares it.

use std::{
    io::Write,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use anyhow::{Context, Result};
use axum::body::Bytes;
use flate2::{Compression, write::GzEncoder};

use super::{json, process};
use crate::{
    model::{
        published::Published,
        snapshot::{Snapshot, WebState},
    },
    view::metrics::{self, Detail, Format, Scrape, Versions, served::Register, served::Served},
};

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Metrics(Format),
    Report,
    /// The same for programs that go on computing with it; of one pair where there is an id.
    Published(Option<u64>),
    Pairs,
    /// Of the pair with this id.
    Histograms(u64),
    /// Of the pair with this id.
    LastDrops(u64),
}

/// Makes bodies, and remembers what the metrics must not take back.
#[derive(Debug)]
pub struct Exporter {
    versions: Versions,
    detail: Detail,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    register: Register,
    /// The snapshot of the latest exposition, and which pairs that held.
    latest: Option<(Arc<Snapshot>, Vec<Served>)>,
    /// Of which snapshot, what, whether compressed, and the body.
    made: Vec<(u64, What, bool, Bytes)>,
}

impl Exporter {
    pub fn new(versions: Versions, detail: Detail) -> Self {
        Self { versions, detail, memory: Mutex::default() }
    }

    /// The body of an answer to a question that came at `asked`. Takes its time: not for a thread that others wait for.
    pub fn body(
        &self,
        snapshot: &Arc<Snapshot>,
        web: impl FnOnce() -> WebState,
        what: What,
        gzip: bool,
        asked: Instant,
    ) -> Result<Bytes> {
        // Whoever else asks for the same waits here, and finds it made.
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = memory.newest(snapshot);
        let taken = snapshot.agent.taken_ns;
        let same = |made: &&(u64, What, bool, Bytes)| (made.0, made.1, made.2) == (taken, what, gzip);
        if let Some((.., body)) = memory.made.iter().find(same) {
            return Ok(body.clone());
        }
        let body = match what {
            What::Metrics(format) => self.exposition(&mut memory, &snapshot, web(), format, asked)?,
            What::Report => serde_json::to_vec(&json::Whole::of(&snapshot))?,
            What::Published(id) => serde_json::to_vec(&Published::of(&snapshot, id))?,
            What::Pairs => serde_json::to_vec(&json::Listing::of(&snapshot))?,
            What::Histograms(id) => serde_json::to_vec(&json::Histograms::of(&snapshot, id))?,
            What::LastDrops(id) => serde_json::to_vec(&json::LastDrops::of(&snapshot, id))?,
        };
        let body = Bytes::from(if gzip { compressed(&body)? } else { body });
        memory.made.retain(|(of, ..)| *of == taken);
        memory.made.push((taken, what, gzip, body.clone()));
        Ok(body)
    }

    fn exposition(
        &self,
        memory: &mut Memory,
        snapshot: &Arc<Snapshot>,
        web: WebState,
        format: Format,
        asked: Instant,
    ) -> Result<Vec<u8>> {
        let scrape = Arc::new(Scrape {
            snapshot: Arc::clone(snapshot),
            served: memory.served(snapshot),
            web,
            process: process::state(),
            versions: self.versions.clone(),
            detail: self.detail,
        });
        let mut body = metrics::body(&scrape, format).context("cannot write the metrics")?;
        let ending = metrics::ending(&scrape, format, asked.elapsed().as_secs_f64());
        body.extend(ending.context("cannot write the metrics")?);
        Ok(body)
    }
}

impl Memory {
    /// Never an older one than was shown before: counters would fall.
    fn newest(&self, snapshot: &Arc<Snapshot>) -> Arc<Snapshot> {
        match &self.latest {
            Some((latest, _)) if latest.agent.taken_ns > snapshot.agent.taken_ns => Arc::clone(latest),
            _ => Arc::clone(snapshot),
        }
    }

    fn served(&mut self, snapshot: &Arc<Snapshot>) -> Vec<Served> {
        match &self.latest {
            Some((latest, served)) if latest.agent.taken_ns == snapshot.agent.taken_ns => served.clone(),
            _ => {
                let served = self.register.serve(snapshot);
                self.latest = Some((Arc::clone(snapshot), served.clone()));
                served
            }
        }
    }
}

pub(super) fn compressed(body: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
    encoder.write_all(body)?;
    Ok(encoder.finish()?)
}
