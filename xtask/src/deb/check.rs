//! The life of a package in a Debian of its own, where nothing is started: `policy-rc.d` and the lack of systemd see to that.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};

use crate::{
    apt,
    command::{as_root, read, run},
};

const NEEDED: [&str; 2] = ["debootstrap", "lintian"];

/// What the package depends on, so that dpkg alone installs it.
const INCLUDED: &str = "procps,systemd,libpcap0.8";

const DEFAULTS: &str = "/etc/default/veth-observer";

pub(super) fn check(root: &Path, package: &Path, next: &Path) -> Result<()> {
    apt::install(&NEEDED, "to try the package")?;
    run(Command::new("lintian").args(["--fail-on", "error", "--tag-display-limit", "0"]).arg(package))?;
    let debian = Debian::fresh(root)?;
    let before = debian.files()?;
    for file in [package, next] {
        run(as_root("cp", &[])?.arg(file).arg(debian.root.join("tmp")))?;
    }
    let file = |package: &Path| Path::new("/tmp").join(package.file_name().unwrap_or_default());

    debian.run(&["dpkg", "--install"], Some(&file(package)))?;
    ensure!(debian.read("veth-observer --version")?.starts_with("veth-observer "));
    ensure!(debian.read("id --name --user veth-observer")? == "veth-observer");
    ensure!(debian.read("systemctl is-enabled veth-observer")? == "enabled");
    debian.read("systemd-analyze verify --man=no veth-observer.service")?;
    // As an administrator leaves it, who knows of no upgrade.
    debian.read(&format!("echo ARGS=--max-pairs=7 > {DEFAULTS}"))?;

    debian.run(&["dpkg", "--install"], Some(&file(next)))?;
    ensure!(debian.read("dpkg-query -W -f '${Version}' veth-observer")?.ends_with("-2"));
    ensure!(
        debian.read(&format!("cat {DEFAULTS}"))? == "ARGS=--max-pairs=7",
        "an upgrade wrote over {DEFAULTS}"
    );

    debian.run(&["dpkg", "--remove", "veth-observer"], None)?;
    ensure!(
        debian.read(&format!("test ! -e /usr/bin/veth-observer && cat {DEFAULTS}"))? == "ARGS=--max-pairs=7"
    );
    debian.run(&["dpkg", "--purge", "veth-observer"], None)?;
    let left: Vec<String> = debian.files()?.difference(&before).cloned().collect();
    ensure!(left.is_empty(), "left behind: {}", left.join(", "));
    ensure!(before.is_subset(&debian.files()?), "it took files of others with it");
    println!("installed, upgraded, removed and purged");
    debian.remove()
}

struct Debian {
    root: PathBuf,
}

impl Debian {
    fn fresh(root: &Path) -> Result<Self> {
        let debian = Self { root: root.join("target/deb/debian") };
        debian.remove()?;
        let include = format!("--include={INCLUDED}");
        run(as_root("debootstrap", &[])?
            .args(["--variant=minbase", &include, "bookworm"])
            .arg(&debian.root))?;
        debian.read(
            "printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d",
        )?;
        Ok(debian)
    }

    fn remove(&self) -> Result<()> {
        run(as_root("rm", &[])?.args(["-rf", "--one-file-system"]).arg(&self.root))
    }

    fn run(&self, command: &[&str], argument: Option<&Path>) -> Result<()> {
        run(as_root("chroot", &[])?.arg(&self.root).args(command).args(argument))
    }

    fn read(&self, script: &str) -> Result<String> {
        read(as_root("chroot", &[])?.arg(&self.root).args(["sh", "-c", script]))
    }

    /// All but what dpkg and shadow keep of every package and user, and what does not outlive a boot.
    fn files(&self) -> Result<BTreeSet<String>> {
        let kept = "-path /var/lib/dpkg -o -path /run -o -path /tmp -o -path /var/log -o -path '/etc/*-'";
        let found = self.read(&format!("find / -xdev \\( {kept} \\) -prune -o -print"))?;
        Ok(found.lines().map(str::to_owned).collect())
    }
}
