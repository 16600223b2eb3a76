//! What the program is installed by: the Debian package; the unit of systemd, the manifests of Kubernetes, the image of the agent.

mod deb;
mod documents;
mod image;
mod manifests;
mod unit;

use std::{collections::BTreeSet, path::PathBuf};

use clap::Parser;
use veth_observer::{
    agent::http::{Address, Flags},
    fault::CAPABILITIES,
};

/// A file below `packaging/`.
fn packaged(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../packaging").join(path)
}

#[track_caller]
fn read(path: &str) -> String {
    std::fs::read_to_string(packaged(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Of the code, without `cap_`, in capitals.
fn capabilities() -> BTreeSet<String> {
    CAPABILITIES.iter().map(|(name, ..)| name.strip_prefix("cap_").unwrap().to_uppercase()).collect()
}

#[derive(Debug, Parser)]
struct Agent {
    #[command(flatten)]
    web: Flags,
}

/// Where the agent listens that is started by this line.
fn listens(line: &[&str]) -> Vec<Address> {
    assert_eq!(line[0], "agent", "{line:?}");
    Agent::try_parse_from(line).unwrap().web.listen
}
