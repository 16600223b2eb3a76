//! `doctor`

use anyhow::Result;
use clap::Args;

use super::output::Output;

/// Doctor
#[derive(Debug, Args)]
pub struct Doctor {}

impl Doctor {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        let _ = out;
        todo!()
    }
}
