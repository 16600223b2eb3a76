//! `list`: which pairs there are.

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use super::output::{self, Output};
use crate::{
    model::{SCHEMA, change::Change, link::Pair},
    topology::{self, Follower},
    view,
};

/// List all veth pairs of the machine, both ends, across network namespaces
///
/// Without privilege it shows what an ordinary user may see: the pairs of this namespace, and of their peers elsewhere the
/// index.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  veth-observer list
  veth-observer list -j | jq -r '.pairs[].ends[].ifname'
  veth-observer list --watch")]
pub struct List {
    /// Go on and say what comes, changes and goes, until interrupted
    #[arg(short, long)]
    watch: bool,
}

#[derive(Serialize)]
struct Listed {
    schema: u32,
    pairs: Vec<Pair>,
    /// Network namespaces that could not be looked into.
    unseen: usize,
}

#[derive(Serialize)]
struct Line<'a> {
    schema: u32,
    #[serde(flatten)]
    change: &'a Change,
}

impl List {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        if self.watch {
            return watch(out).await;
        }
        let (pairs, unseen) = topology::list().await?;
        if out.wants_json() {
            return out.json(&Listed { schema: SCHEMA, pairs, unseen });
        }
        out.text(&view::pairs::table(&pairs))?;
        let namespaces = if unseen == 1 { "namespace" } else { "namespaces" };
        if unseen > 0 {
            output::note(format!("{unseen} network {namespaces} could not be looked into; sudo shows all"));
        }
        Ok(())
    }
}

async fn watch(out: &mut Output) -> Result<()> {
    // Before the first line is out: whoever read it may interrupt us at once.
    let mut interrupts = signal(SignalKind::interrupt())?;
    let (mut follower, mut changes) = Follower::start().await?;
    loop {
        for change in &changes {
            if out.wants_json() {
                out.json(&Line { schema: SCHEMA, change })?;
            } else {
                let Change { event, pair } = change;
                out.line(format!("{:<7}  {}", event.as_str(), view::pairs::line(pair)))?;
            }
        }
        tokio::select! {
            next = follower.next() => changes = next?,
            _ = interrupts.recv() => return Ok(()),
        }
    }
}
