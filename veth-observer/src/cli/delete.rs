//! `delete`

use anyhow::Result;
use clap::Args;

use super::output::Output;

/// Delete
#[derive(Debug, Args)]
pub struct Delete {}

impl Delete {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        let _ = out;
        todo!()
    }
}
