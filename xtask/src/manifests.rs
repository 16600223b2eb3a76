//! `cargo xtask manifests`: the rules as Kubernetes takes them, and whether its schemas accept what we deploy.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::{
    command::{root, run},
    venv,
};

const RULES: [&str; 2] = ["packaging/prometheus/rules.yaml", "packaging/prometheus/alerts.yaml"];
const WRITTEN: &str = "packaging/kubernetes/operator/prometheusrule.yaml";
const MANIFESTS: &str = "packaging/kubernetes";

const HEAD: &str = "\
# Written by `cargo xtask manifests` from packaging/prometheus/rules.yaml and alerts.yaml.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: veth-observer
  namespace: veth-observer
  labels:
    app.kubernetes.io/name: veth-observer
spec:
  groups:
";

/// A package of PyPI: it carries the schemas of Kubernetes, so that nobody is asked.
const VALIDATOR: &str = "kubernetes-validate==1.37.0";

#[derive(Debug, Args)]
pub(crate) struct Manifests {
    /// Only say whether the rules are up to date, and hold all manifests against the schemas of Kubernetes
    #[arg(long)]
    check: bool,
}

impl Manifests {
    pub(crate) fn run(&self) -> Result<()> {
        if self.check { check() } else { write() }
    }
}

pub(crate) fn check() -> Result<()> {
    let root = root()?;
    let there = fs::read_to_string(root.join(WRITTEN)).with_context(|| format!("cannot read {WRITTEN}"))?;
    ensure!(
        there == written(&root)?,
        "{WRITTEN} is not what the rules say: `cargo xtask manifests` writes it"
    );
    let mut files = Vec::new();
    for folder in [root.join(MANIFESTS), root.join(MANIFESTS).join("operator")] {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                files.push(path);
            }
        }
    }
    // What is not of Kubernetes itself has no schema there; the tests look at it.
    let validator = venv::with(&root, VALIDATOR)?.join("bin/kubernetes-validate");
    run(Command::new(validator).args(["--strict", "--quiet", "--no-warn"]).args(files))
}

fn write() -> Result<()> {
    let root = root()?;
    fs::write(root.join(WRITTEN), written(&root)?).with_context(|| format!("cannot write {WRITTEN}"))
}

fn written(root: &Path) -> Result<String> {
    let mut text = HEAD.to_owned();
    for file in RULES {
        let rules = fs::read_to_string(root.join(file)).with_context(|| format!("cannot read {file}"))?;
        let (_, groups) = rules.split_once("groups:\n").with_context(|| format!("{file} has no groups"))?;
        for line in groups.lines() {
            text += format!("  {line}").trim_end();
            text.push('\n');
        }
    }
    Ok(text)
}
