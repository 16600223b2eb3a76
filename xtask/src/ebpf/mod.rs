//! `cargo xtask ebpf`: compiles the eBPF object that the repository carries, and checks that it is what its sources say.

mod object;
mod recipe;
mod sources;
mod toolchain;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::command::{root, run};

/// The committed object, the hash of its sources, and what compiled it.
const OBJECT: &str = "programs.o";
const SOURCES: &str = "SOURCES.sha256";
const TOOLCHAIN: &str = "TOOLCHAIN";

/// Where the object is compiled: a folder that stays for the next time, and one that does not.
const STAGE: &str = "target/ebpf";
const FRESH_STAGE: &str = "target/ebpf-check";

#[derive(Debug, Args)]
pub(crate) struct Ebpf {
    /// Compile, compare with the committed object, and change nothing
    #[arg(long, conflicts_with = "clippy")]
    check: bool,
    /// Run clippy on the eBPF crate
    #[arg(long)]
    clippy: bool,
    /// Install the compiler and the linker first if they are missing
    #[arg(long)]
    install_toolchain: bool,
}

impl Ebpf {
    pub(crate) fn run(&self) -> Result<()> {
        if self.install_toolchain {
            install_toolchain()?;
        }
        match (self.check, self.clippy) {
            (true, _) => check(),
            (_, true) => clippy(),
            _ => write(),
        }
    }
}

/// Installs what is missing of the toolchain.
pub(crate) fn install_toolchain() -> Result<()> {
    toolchain::install(&root()?)
}

fn write() -> Result<()> {
    let root = &toolchain_root()?;
    let object = compile(root, STAGE)?;
    let prebuilt = root.join("veth-observer-ebpf/prebuilt");
    fs::create_dir_all(&prebuilt)?;
    write_if_new(&prebuilt.join(OBJECT), &object)?;
    write_if_new(&prebuilt.join(TOOLCHAIN), toolchain::describe(root)?.as_bytes())?;
    write_if_new(&prebuilt.join(SOURCES), format!("{}\n", sources::hash(root)?).as_bytes())?;
    describe(&object)
}

/// Compares the committed object with what its sources compile to.
pub(crate) fn check() -> Result<()> {
    let root = &root()?;
    let prebuilt = root.join("veth-observer-ebpf/prebuilt");
    let recorded = fs::read_to_string(prebuilt.join(SOURCES)).unwrap_or_default();
    if recorded.trim() != sources::hash(root)? {
        bail!("eBPF sources changed since the committed object was built: run `cargo xtask ebpf`");
    }
    let committed = fs::read(prebuilt.join(OBJECT)).context("no committed object: run `cargo xtask ebpf`")?;
    toolchain::require(root)?;
    // From nothing: cargo does not notice another linker.
    let stage = root.join(FRESH_STAGE);
    if stage.exists() {
        fs::remove_dir_all(&stage)?;
    }
    let built = compile(root, FRESH_STAGE)?;
    if committed != built {
        for line in object::differences(&committed, &built)? {
            println!("{line}");
        }
        let (here, there) = (toolchain::describe(root)?, fs::read_to_string(prebuilt.join(TOOLCHAIN))?);
        if here != there {
            println!("the committed object was built with\n{there}and this one with\n{here}");
        }
        bail!("the committed object is not what its sources compile to: run `cargo xtask ebpf`");
    }
    describe(&built)
}

/// Runs clippy on the eBPF crate; warnings are errors.
pub(crate) fn clippy() -> Result<()> {
    let root = &toolchain_root()?;
    let stage = root.join(STAGE);
    recipe::lay_out(root, &stage)?;
    // rustup's clippy cannot read what Debian's compiler wrote, so Debian's is called in its place.
    let mut clippy = recipe::cargo(root, &stage);
    clippy
        .args(["check", "--locked", "--release", "--target", recipe::TARGET])
        .env("RUSTC_WORKSPACE_WRAPPER", "/usr/bin/clippy-driver")
        .env("CLIPPY_ARGS", "-Dwarnings__CLIPPY_HACKERY__");
    run(&mut clippy)
}

/// The root of a workspace that can compile the object.
fn toolchain_root() -> Result<PathBuf> {
    let root = root()?;
    toolchain::require(&root)?;
    Ok(root)
}

fn compile(root: &Path, stage: &str) -> Result<Vec<u8>> {
    let object = recipe::build(root, &root.join(stage)).context("cannot compile the eBPF object")?;
    object::strip(&fs::read(&object).with_context(|| format!("cannot read {}", object.display()))?)
}

/// Leaves the time of an unchanged file alone, so that nothing is rebuilt for it.
fn write_if_new(path: &Path, contents: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == contents) {
        return Ok(());
    }
    fs::write(path, contents).with_context(|| format!("cannot write {}", path.display()))
}

fn describe(object: &[u8]) -> Result<()> {
    println!("{:<14} {:<44} {:>12}", "SECTION", "FUNCTION", "INSTRUCTIONS");
    for function in object::functions(object)? {
        println!("{:<14} {:<44} {:>12}", function.section, function.name, function.instructions);
    }
    println!("{} bytes, sha256 {}", object.len(), sources::hex(object));
    Ok(())
}
