//! `peer`

use anyhow::Result;
use clap::Args;

use super::output::Output;

/// Peer
#[derive(Debug, Args)]
pub struct Peer {}

impl Peer {
    pub(super) async fn run(self, out: &mut Output) -> Result<()> {
        let _ = out;
        todo!()
    }
}
