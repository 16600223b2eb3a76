//! `create`

use anyhow::Result;
use clap::Args;

use super::output::Output;

/// Create
#[derive(Debug, Args)]
pub struct Create {}

impl Create {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        let _ = out;
        todo!()
    }
}
