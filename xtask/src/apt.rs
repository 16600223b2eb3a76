//! Debian packages: which are missing, and installing them.

use std::process::Command;

use anyhow::{Result, bail};

use crate::command::{as_root, find, read, run};

/// Installs the packages that are not there yet, and says which. `purpose` ends the sentence for systems without apt.
pub(crate) fn install(packages: &[&str], purpose: &str) -> Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if find("apt-get").is_none() {
        bail!("no apt-get here: install what Debian calls {} {purpose}", missing.join(", "));
    }
    println!("installing {} {purpose}", missing.join(", "));
    let quiet = [("DEBIAN_FRONTEND", "noninteractive")];
    run(as_root("apt-get", &quiet)?.args(["update", "-qq"]))?;
    // Recommended packages stay out: rust-web-src would change the bytes of the object.
    run(as_root("apt-get", &quiet)?.args(["install", "-y", "-qq", "--no-install-recommends"]).args(missing))
}

/// The installed version, if dpkg knows one.
pub(crate) fn version(package: &str) -> Option<String> {
    let format = "-f=${db:Status-Status} ${Version}";
    let answer = read(Command::new("dpkg-query").args(["-W", format, package])).ok()?;
    Some(answer.strip_prefix("installed ")?.to_owned())
}

fn is_installed(package: &str) -> bool {
    version(package).is_some()
}
