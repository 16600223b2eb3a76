//! `list`: which pairs there are.

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use super::{
    alias,
    output::{self, Output},
};
use crate::{
    fault::Fault,
    model::{
        SCHEMA,
        change::Change,
        link::{End, Pair},
    },
    topology::{self, Follower},
    view::{
        self,
        columns::{self, Column},
    },
};

/// List all veth pairs of the machine, both ends, across network namespaces
///
/// Without privilege it shows what an ordinary user may see: the pairs of this namespace, and of their peers elsewhere the
/// index.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  veth-observer list
  veth-observer list -j | jq -r '.pairs[].ends[].ifname'
  veth-observer list --fields pair,device,image
  veth-observer list --watch")]
pub struct List {
    /// Go on and say what comes, changes and goes, until interrupted
    #[arg(short, long)]
    watch: bool,
    /// Columns of the table, in this order: pair, device, netns, peer, peer-netns, owner, image, state, mtu, mac, peer-mac
    #[arg(long, value_delimiter = ',', value_name = "LIST", conflicts_with = "watch")]
    fields: Vec<Column>,
}

#[derive(Serialize)]
struct Listed<'a> {
    schema: u32,
    pairs: Vec<Named<'a>>,
    /// Network namespaces that could not be looked into.
    unseen: usize,
}

#[derive(Serialize)]
struct Named<'a> {
    /// What reports and metrics call it.
    pair: String,
    ends: &'a [End; 2],
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
        if out.wants_json() && !self.fields.is_empty() {
            return Err(Fault::usage("--fields is for the table")
                .fix("veth-observer list -j | jq '.pairs[] | {pair}'")
                .into());
        }
        let (pairs, unseen) = topology::list().await?;
        if out.wants_json() {
            let named = pairs.iter().zip(alias::names(&pairs));
            let pairs = named.map(|(Pair { ends }, pair)| Named { pair, ends }).collect();
            return out.json(&Listed { schema: SCHEMA, pairs, unseen });
        }
        if self.fields.is_empty() {
            out.text(&columns::table(&pairs))?;
        } else {
            out.text(&columns::table_of(&pairs, &alias::names(&pairs), &self.fields))?;
        }
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
