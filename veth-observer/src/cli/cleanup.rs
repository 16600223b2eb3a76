//! `cleanup`: removes what killed runs left.

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::output::Output;
use crate::{
    attach::{
        Way,
        leftovers::{self, Found, Leftover},
    },
    fault::Fault,
    model::{SCHEMA, link::Netns},
};

/// Remove what killed runs left behind, in all network namespaces
///
/// Only clsact filters can stay behind, and the clsact qdiscs made for them: everything else ends with its process. What a
/// running observer uses and what is not ours is not touched.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sudo veth-observer cleanup --dry-run
  sudo veth-observer cleanup")]
pub struct Cleanup {
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Cleaned<'a> {
    schema: u32,
    dry_run: bool,
    leftovers: Vec<Item<'a>>,
    /// Network namespaces that could not be looked into.
    unseen: usize,
}

#[derive(Serialize)]
struct Item<'a> {
    program: &'a str,
    /// `tc/ingress` or `tc/egress`
    hook: &'static str,
    ifname: &'a str,
    ifindex: u32,
    netns: &'a Netns,
}

impl<'a> From<&'a Leftover> for Item<'a> {
    fn from(leftover: &'a Leftover) -> Self {
        let hook = match leftover.way {
            Way::Ingress => "tc/ingress",
            Way::Egress => "tc/egress",
        };
        let Leftover { program, ifname, ifindex, .. } = leftover;
        Self { program, hook, ifname, ifindex: *ifindex, netns: leftover.netns() }
    }
}

impl Cleanup {
    #[expect(clippy::unused_async, reason = "every command is awaited")]
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        let found = leftovers::find()?;
        if !self.dry_run {
            for leftover in &found.leftovers {
                leftover.remove()?;
            }
        }
        self.print(out, &found)?;
        match found.unseen {
            0 => Ok(()),
            1 => Err(Fault::denied("1 network namespace could not be looked into").into()),
            unseen => {
                Err(Fault::denied(format!("{unseen} network namespaces could not be looked into")).into())
            }
        }
    }

    fn print(&self, out: &mut Output, Found { leftovers, unseen }: &Found) -> Result<()> {
        if out.wants_json() {
            let leftovers = leftovers.iter().map(Item::from).collect();
            return out.json(&Cleaned { schema: SCHEMA, dry_run: self.dry_run, leftovers, unseen: *unseen });
        }
        let verb = if self.dry_run { "would remove" } else { "removed" };
        for leftover in leftovers {
            out.line(format!("{verb} {leftover}"))?;
        }
        if leftovers.is_empty() && *unseen == 0 { out.line("nothing left behind") } else { Ok(()) }
    }
}
