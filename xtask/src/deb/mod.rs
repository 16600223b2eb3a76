//! `cargo xtask deb`: the Debian package, and whether it comes and goes as one should.

mod check;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::command::{cargo, read, root, run};

const TOOL_VERSION: &str = "3.8.0";

/// Shells whose completions are packaged.
const SHELLS: [&str; 3] = ["bash", "fish", "zsh"];

#[derive(Debug, Args)]
pub(crate) struct Deb {
    /// Install, upgrade, remove and purge it in a fresh Debian below target/, as root
    #[arg(long)]
    check: bool,
}

impl Deb {
    pub(crate) fn run(&self) -> Result<()> {
        let root = root()?;
        let tool = install_tool(&root)?;
        run(cargo(&root).args(["build", "--release", "--locked", "--package", "veth-observer"]))?;
        write_documents(&root)?;
        // A second version first and elsewhere, since cargo-deb clears its own folder of what it made before.
        let later = root.join("target/deb/later");
        fs::create_dir_all(&later)?;
        let next = self
            .check
            .then(|| package(&root, &tool, &["--deb-revision", "2", "--output", &later.to_string_lossy()]))
            .transpose()?;
        let made = package(&root, &tool, &[])?;
        if let Some(next) = next {
            check::check(&root, &made, &next)?;
        }
        println!("{}", made.display());
        Ok(())
    }
}

/// cargo-deb, of one version, below target/.
fn install_tool(root: &Path) -> Result<PathBuf> {
    let folder = root.join("target/cargo-deb");
    let tool = folder.join("bin/cargo-deb");
    if read(Command::new(&tool).arg("--version")).is_ok_and(|version| version.ends_with(TOOL_VERSION)) {
        return Ok(tool);
    }
    println!("installing cargo-deb {TOOL_VERSION} in {}: about three minutes", folder.display());
    let mut install = cargo(root);
    install.args(["install", "cargo-deb", "--version", TOOL_VERSION, "--locked", "--force", "--root"]);
    run(install.arg(&folder).env_remove("CARGO_TARGET_DIR"))?;
    Ok(tool)
}

/// What the program says of itself: its manual, and what shells ask for.
fn write_documents(root: &Path) -> Result<()> {
    let program = root.join("target/release/veth-observer");
    let folder = root.join("target/release/documents");
    // A page of a command that is no more would be packaged too.
    let _ = fs::remove_dir_all(&folder);
    let manual = folder.join("man");
    run(Command::new(&program).arg("man").arg(&manual))?;
    let pages: Vec<PathBuf> = fs::read_dir(&manual)?.map(|page| Ok(page?.path())).collect::<Result<_>>()?;
    run(Command::new("gzip").args(["-9", "--no-name"]).args(pages))?;
    let completions = folder.join("completions");
    fs::create_dir_all(&completions)?;
    for shell in SHELLS {
        let script = read(Command::new(&program).args(["completions", shell]))? + "\n";
        fs::write(completions.join(shell), script)
            .with_context(|| format!("cannot write those of {shell}"))?;
    }
    Ok(())
}

/// Packs what is built, and says where.
fn package(root: &Path, tool: &Path, arguments: &[&str]) -> Result<PathBuf> {
    let mut pack = Command::new(tool);
    pack.current_dir(root)
        .args(["--no-build", "--strip", "--locked", "--package", "veth-observer"])
        .args(arguments);
    let said = read(&mut pack)?;
    Ok(said.lines().last().context("cargo-deb does not say what it made")?.into())
}
