//! `demo`

use anyhow::Result;
use clap::Args;

use super::output::Output;

/// Demo
#[derive(Debug, Args)]
pub struct Demo {}

impl Demo {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        let _ = out;
        todo!()
    }
}
