//! `cargo xtask metrics`: the page of metrics from the table in the code.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::command::{cargo, read, root};

const PAGE: &str = "docs/metrics.md";

#[derive(Debug, Args)]
pub(crate) struct Metrics {
    /// Only say whether the page is what the code says
    #[arg(long)]
    check: bool,
}

impl Metrics {
    pub(crate) fn run(&self) -> Result<()> {
        if self.check { check() } else { write() }
    }
}

pub(crate) fn check() -> Result<()> {
    let page = fs::read_to_string(root()?.join(PAGE)).with_context(|| format!("cannot read {PAGE}"))?;
    ensure!(page == written()?, "{PAGE} is not what the code says: `cargo xtask metrics` writes it");
    Ok(())
}

fn write() -> Result<()> {
    fs::write(root()?.join(PAGE), written()?).with_context(|| format!("cannot write {PAGE}"))
}

fn written() -> Result<String> {
    let mut run = cargo(&root()?);
    run.args(["run", "--quiet", "--locked", "--package", "veth-observer", "--", "metrics", "--markdown"]);
    Ok(read(&mut run)? + "\n")
}
