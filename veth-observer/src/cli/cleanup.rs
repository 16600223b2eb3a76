//! `cleanup`

use anyhow::Result;
use clap::Args;

use super::output::Output;

/// Cleanup
#[derive(Debug, Args)]
pub struct Cleanup {}

impl Cleanup {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        let _ = out;
        todo!()
    }
}
