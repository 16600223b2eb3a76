//! `show`

use anyhow::Result;
use clap::Args;

use super::output::Output;

/// Show
#[derive(Debug, Args)]
pub struct Show {}

impl Show {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        let _ = out;
        todo!()
    }
}
