//! `delete`: removes a pair.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;

use super::output::Output;
use crate::{
    fault::Fault,
    model::{SCHEMA, link::Pair},
    netns::Namespace,
    topology::{self, Found, Scope, Selector, manage},
    view,
};

/// Delete a veth pair, both ends
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  veth-observer delete veth0
  veth-observer delete netns:blue/eth0 --yes")]
pub struct Delete {
    /// Either end: NAME, ifindex:N, container:NAME, pod:NS/NAME or netns:NETNS/NAME
    #[arg(value_parser = super::alias::resolved)]
    pair: String,
    /// Do not ask, also on a terminal
    #[arg(short, long)]
    yes: bool,
}

#[derive(Serialize)]
struct Deleted {
    schema: u32,
    pair: Pair,
}

impl Delete {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        let found = topology::find(&self.pair).await?;
        refuse_a_guess(&self.pair, &found)?;
        let line = view::pairs::line(&found.pair);
        if !self.yes && io::stdin().is_terminal() && !confirmed(&format!("delete {line}? [y/N] "))? {
            bail!("nothing was deleted");
        }
        manage::delete(&found).await?;
        if out.wants_json() {
            return out.json(&Deleted { schema: SCHEMA, pair: found.pair });
        }
        let [one, other] = &found.pair.ends;
        out.line(format!("deleted {} <-> {}", view::pairs::with_index(one), view::pairs::with_index(other)))
    }
}

/// A pattern is too little to delete by. A bare name that is not here but happens to be in some other namespace, a container's perhaps, is fine to look at and
/// too little to delete by.
fn refuse_a_guess(typed: &str, found: &Found) -> Result<()> {
    let selector: Selector = typed.parse()?;
    if selector.is_pattern() {
        return Err(Fault::usage(format!("{typed} may mean more pairs tomorrow"))
            .fix(format!("veth-observer delete {}", found.selector()))
            .into());
    }
    let here = Namespace::current()?;
    let elsewhere = !found.namespaces[0].as_ref().is_some_and(|there| there.same(&here));
    if selector.scope == Scope::Anywhere && elsewhere {
        let netns = &found.pair.ends[0].netns;
        let message = format!("{typed} is not in this network namespace but in netns {netns}");
        return Err(Fault::not_found(message)
            .fix(format!("veth-observer delete {}", found.selector()))
            .into());
    }
    Ok(())
}

fn confirmed(question: &str) -> io::Result<bool> {
    let mut stderr = io::stderr();
    stderr.write_all(question.as_bytes())?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
