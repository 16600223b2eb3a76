//! `cargo xtask soak`: an agent among pairs that come and go, for long, and whether anything grows.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::test;

#[derive(Debug, Args)]
pub(crate) struct Soak {
    /// How long, such as 10m; the tests do it for 20 s
    #[arg(long, default_value = "10m", value_name = "DURATION")]
    duration: String,
    /// Where the course of what is watched goes, as CSV
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

impl Soak {
    pub(crate) fn run(&self) -> Result<()> {
        let mut variables = vec![("VETH_OBSERVER_SOAK", self.duration.clone())];
        if let Some(csv) = &self.csv {
            let csv = std::path::absolute(csv)?;
            variables.push(("VETH_OBSERVER_SOAK_CSV", csv.display().to_string()));
        }
        let arguments = ["--test", "tests", "fleet::soak", "--", "--nocapture"];
        test::tests_with(&arguments.map(str::to_owned), &variables)
    }
}
