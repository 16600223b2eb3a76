//! `cargo xtask test`: installs what the tests need and runs all of them as root.

use std::process::Command;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::{
    apt,
    command::{as_root, cargo, find, is_root, read, root, run},
    venv,
};

/// The programs that tests compare us with or send traffic by, and the packages that bring them; tcpdump's brings libpcap0.8
/// too.
const NEEDED: [(&str, &str); 21] = [
    ("/usr/lib/cni/bridge", "containernetworking-plugins"),
    ("bpftool", "bpftool"),
    ("bpftrace", "bpftrace"),
    ("capinfos", "wireshark-common"),
    ("chromium", "chromium"),
    ("curl", "curl"),
    ("ethtool", "ethtool"),
    ("ip", "iproute2"),
    ("iperf3", "iperf3"),
    ("jq", "jq"),
    ("man", "man-db"),
    ("node", "nodejs"),
    ("npm", "npm"),
    ("openssl", "openssl"),
    ("podman", "podman"),
    ("prometheus", "prometheus"),
    ("runc", "runc"),
    ("systemd-analyze", "systemd"),
    ("tcpdump", "tcpdump"),
    ("tshark", "tshark"),
    ("unshare", "util-linux"),
];

/// A collector of OpenTelemetry that others made, from PyPI: a program that needs no Python to run.
const COLLECTOR: &str = "rotel==0.0.1a15";

/// Features that are not built by default, so that what they add is tested too.
pub(crate) const FEATURES: [&str; 2] = ["--features", "veth-observer/otlp"];

/// With this set, a test that skips what the kernel can do has failed.
const STRICT: (&str, &str) = ("VETH_OBSERVER_STRICT", "1");

#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Handed on to `cargo test`: a filter, or options after another `--`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

impl Test {
    pub(crate) fn run(&self) -> Result<()> {
        tests(&self.arguments)
    }
}

pub(crate) fn tests(arguments: &[String]) -> Result<()> {
    tests_with(arguments, &[])
}

/// Some of them, with these variables.
pub(crate) fn tests_with(arguments: &[String], variables: &[(&str, String)]) -> Result<()> {
    let missing: Vec<&str> =
        NEEDED.iter().filter(|(program, _)| find(program).is_none()).map(|(_, package)| *package).collect();
    apt::install(&missing, "for the tests")?;
    let root = root()?;
    venv::with(&root, COLLECTOR)?;
    let mut test = cargo(&root);
    test.args(["test", "--workspace", "--locked"]).args(FEATURES).args(arguments).env(STRICT.0, STRICT.1);
    test.envs(variables.iter().map(|(name, value)| (name, value)));
    if !is_root()? {
        // Compiled as whoever we are, so that no file of the build belongs to root; run as root.
        let sudo = as_root("true", &[]).context("the tests attach programs and make network namespaces")?;
        let runner = sudo.get_program().to_string_lossy();
        test.env(runner_variable()?, format!("{runner} --preserve-env"));
    }
    run(&mut test)
}

/// The variable that names a program for cargo to run test binaries through.
fn runner_variable() -> Result<String> {
    let version = read(Command::new("rustc").arg("-vV"))?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("rustc does not say its host")?;
    Ok(format!("CARGO_TARGET_{}_RUNNER", host.replace('-', "_").to_uppercase()))
}
