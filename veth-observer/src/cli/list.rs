//! `list`

use anyhow::Result;
use clap::Args;

use super::output::Output;

/// List
#[derive(Debug, Args)]
pub struct List {}

impl List {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        let _ = out;
        todo!()
    }
}
