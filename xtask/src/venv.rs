//! Packages of PyPI, each in an environment of its own below `target/`, made when it is missing.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::{apt, command::run};

/// The environment that has `package`, as `name==version`.
pub(crate) fn with(root: &Path, package: &str) -> Result<PathBuf> {
    let name = package.split("==").next().unwrap_or(package);
    let environment = root.join("target").join(name);
    // Written last, so that one that was left half made is made again.
    let made = environment.join("made");
    if std::fs::read_to_string(&made).is_ok_and(|text| text == package) {
        return Ok(environment);
    }
    if !has_venv() {
        apt::install(&["python3-venv"], &format!("for {name}"))?;
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
    run(Command::new(environment.join("bin/pip")).args(["install", "--quiet", package]))?;
    std::fs::write(&made, package)?;
    Ok(environment)
}

fn has_venv() -> bool {
    let tried = Command::new("python3").args(["-c", "import venv, ensurepip"]).output();
    tried.is_ok_and(|output| output.status.success())
}
