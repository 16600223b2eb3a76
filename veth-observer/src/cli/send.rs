//! `send`

use anyhow::Result;
use clap::Args;

use super::output::Output;

/// Send
#[derive(Debug, Args)]
pub struct Send {}

impl Send {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        let _ = out;
        todo!()
    }
}
