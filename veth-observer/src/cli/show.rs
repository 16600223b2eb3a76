//! `show`: one end in full.

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::output::Output;
use crate::{
    attach::programs,
    fault::Fault,
    model::{
        SCHEMA,
        device::{Device, Program},
        link::{End, Owner},
    },
    topology, view,
};

/// Show all there is to know about one end: settings, peer, counters and the BPF programs on it
///
/// With -j, every key that `ip -d -j link show` prints, and the peer, the counters and the programs beside them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  veth-observer show veth0
  veth-observer show netns:blue/eth0 -j -p
  veth-observer show veth0 -j | jq .bpf")]
pub struct Show {
    /// The end: NAME, ifindex:N, container:NAME, pod:NS/NAME or netns:NETNS/NAME
    #[arg(value_parser = super::alias::resolved)]
    pair: String,
}

#[derive(Serialize)]
struct Shown<'a> {
    schema: u32,
    #[serde(flatten)]
    device: &'a Device,
    /// Who lives in its namespace.
    owner: Option<&'a Owner>,
    peer: &'a End,
    /// Null when the caller may not see them.
    bpf: Option<&'a [Program]>,
}

impl Show {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        let found = topology::find(&self.pair).await?;
        let (end, peer) = (&found.pair.ends[0], &found.pair.ends[1]);
        let Some(namespace) = &found.namespaces[0] else {
            let message = format!("{}: cannot enter its namespace, {}", self.pair, end.netns);
            return Err(Fault::denied(message).into());
        };
        let (mut device, mut filters) = topology::describe(end, namespace).await?;
        let xdp = programs::complete(&mut device, &mut filters);
        let tcx = programs::tcx(namespace, &device.ifname)?;
        let programs = tcx.map(|tcx| [xdp, tcx, filters].concat());
        let bpf = programs.as_deref();
        if out.wants_json() {
            let owner = end.owner.as_ref();
            return out.json(&Shown { schema: SCHEMA, device: &device, owner, peer, bpf });
        }
        out.text(&view::show::text(&device, end, peer, bpf))
    }
}
