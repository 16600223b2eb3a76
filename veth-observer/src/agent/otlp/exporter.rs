//! Snapshots as bodies of requests.

use std::sync::Arc;

use anyhow::Result;
use hyper::body::Bytes;
use prost::Message;

use crate::{
    agent::{exporter::compressed, process},
    model::snapshot::{Snapshot, WebState},
    view::{
        metrics::{Detail, Scrape, Versions, served::Register},
        otlp::{self, starts::Starts},
    },
};

/// Makes bodies, and remembers what the numbers must not take back.
#[derive(Debug)]
pub(super) struct Exporter {
    versions: Versions,
    resource: Vec<(String, String)>,
    gzip: bool,
    register: Register,
    starts: Starts,
}

impl Exporter {
    pub(super) fn new(versions: Versions, resource: Vec<(String, String)>, gzip: bool) -> Self {
        Self { versions, resource, gzip, register: Register::default(), starts: Starts::default() }
    }

    pub(super) fn body(&mut self, snapshot: &Arc<Snapshot>) -> Result<Bytes> {
        let process = process::state();
        self.starts.follow(snapshot, &process);
        let scrape = Scrape {
            snapshot: Arc::clone(snapshot),
            served: self.register.serve(snapshot),
            web: WebState::default(),
            process,
            versions: self.versions.clone(),
            detail: Detail::default(),
        };
        let body = otlp::request(&scrape, &self.starts, &self.resource).encode_to_vec();
        Ok(Bytes::from(if self.gzip { compressed(&body)? } else { body }))
    }

    /// The last body reached nobody: what ended is in the next once more.
    pub(super) fn missed(&mut self) {
        self.register.missed();
    }
}
