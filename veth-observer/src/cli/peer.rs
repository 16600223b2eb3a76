//! `peer`: the other end.

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::output::Output;
use crate::{
    fault::Fault,
    model::{SCHEMA, link::End},
    topology, view,
};

/// Name the other end of a pair, wherever it is
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  veth-observer peer veth0
  ethtool -S \"$(veth-observer peer ifindex:7 --name-only)\"")]
pub struct Peer {
    /// One end: NAME, ifindex:N, container:NAME, pod:NS/NAME or netns:NETNS/NAME
    #[arg(value_parser = super::alias::resolved)]
    pair: String,
    /// Print nothing but the name of the interface
    #[arg(long)]
    name_only: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    schema: u32,
    peer: &'a End,
}

impl Peer {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        let found = topology::find(&self.pair).await?;
        let peer = &found.pair.ends[1];
        if peer.ifindex == 0 {
            return Err(Fault::not_found(format!("the peer of {} is gone", self.pair)).into());
        }
        if self.name_only {
            let Some(name) = &peer.ifname else {
                let message =
                    format!("the name of {}'s peer, {}, is not visible", self.pair, view::pairs::place(peer));
                return Err(Fault::denied(message).into());
            };
            return out.line(name);
        }
        if out.wants_json() {
            return out.json(&Answer { schema: SCHEMA, peer });
        }
        out.line(view::pairs::place(peer))
    }
}
