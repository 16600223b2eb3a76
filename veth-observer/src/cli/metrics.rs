//! `metrics`: what the agent serves to Prometheus.

use anyhow::Result;
use clap::Args;

use super::output::Output;
use crate::view::metrics::document;

/// List the metrics that the agent serves: names, types, units, labels and what they mean
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  veth-observer metrics
  veth-observer metrics -j | jq -r '.metrics[].name'")]
pub struct Metrics {
    /// As the page docs/metrics.md
    #[arg(long)]
    markdown: bool,
}

impl Metrics {
    pub(super) fn run(self, out: &mut Output) -> Result<()> {
        if self.markdown {
            out.text(&document::markdown())
        } else if out.wants_json() {
            out.json(&document::json())
        } else {
            out.text(&document::text())
        }
    }
}
