//! `watch`

use anyhow::Result;
use clap::Args;

use super::output::Output;

/// Watch
#[derive(Debug, Args)]
pub struct Watch {}

impl Watch {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        let _ = out;
        todo!()
    }
}
