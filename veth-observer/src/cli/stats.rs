//! `stats`

use anyhow::Result;
use clap::Args;

use super::output::Output;

/// Stats
#[derive(Debug, Args)]
pub struct Stats {}

impl Stats {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        let _ = out;
        todo!()
    }
}
