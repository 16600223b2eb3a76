//! The BPF toolchain: a compiler from Debian, a linker from crates.io.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use super::recipe;
use crate::{
    apt,
    command::{cargo, read, run},
};

/// rustc, a `core` for the target, and the clippy that understands both.
const PACKAGES: [&str; 3] = ["rustc-web", "libstd-rust-web-dev-bpf", "rust-web-clippy"];
const LINKER_VERSION: &str = "0.13.0";
const LLVM_VERSION: &str = "22";

/// Installs what is missing.
pub(crate) fn install(root: &Path) -> Result<()> {
    apt::install(&PACKAGES, "to compile eBPF")?;
    let linker = recipe::linker(root);
    if linker_version(&linker).as_deref() == Some(LINKER_VERSION) {
        return Ok(());
    }
    println!("installing bpf-linker {LINKER_VERSION} in {}: about a minute and a half", linker.display());
    let folder = root.join("target/bpf-toolchain");
    let features = format!("llvm-{LLVM_VERSION}");
    // Asked for by the name that only the development package has; that one is three hundred megabytes more.
    let llvm = folder.join("llvm");
    fs::create_dir_all(llvm.join("lib"))?;
    let link = llvm.join("lib/libLLVM.so");
    match fs::remove_file(&link) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => symlink(system_llvm()?, &link)?,
    }
    let mut install = cargo(root);
    install
        .args(["install", "bpf-linker", "--version", LINKER_VERSION, "--locked", "--force"])
        .args(["--no-default-features", "--features", &features, "--root"])
        .arg(&folder)
        .env("LLVM_PREFIX", &llvm)
        .env_remove("CARGO_TARGET_DIR");
    run(&mut install)
}

/// Refuses a toolchain that is missing, or that would give other bytes than everyone else's.
pub(crate) fn require(root: &Path) -> Result<()> {
    ensure!(
        recipe::is_installed(root),
        "the BPF toolchain is not installed: run `cargo xtask ebpf --install-toolchain`"
    );
    let version = read(Command::new(recipe::RUSTC).arg("-V"))?;
    let number = version.split(' ').nth(1).unwrap_or_default();
    let sources = PathBuf::from(format!("/usr/src/rustc-{number}"));
    if sources.exists() {
        bail!(
            "{} is readable, and LLVM would copy its lines into the object: run `apt-get remove rust-web-src`",
            sources.display()
        );
    }
    Ok(())
}

/// What the bytes of the object depend on besides the sources, one tool a line.
pub(crate) fn describe(root: &Path) -> Result<String> {
    let rustc = read(Command::new(recipe::RUSTC).arg("-V"))?;
    let linker = linker_version(&recipe::linker(root)).context("the linker does not say its version")?;
    let package = |name: &str| {
        let version = apt::version(name).unwrap_or_else(|| "of unknown version".to_owned());
        format!("{name} {version}")
    };
    let core = package("libstd-rust-web-dev-bpf");
    let llvm = package(&format!("libllvm{LLVM_VERSION}"));
    Ok(format!("{rustc}\n{core}\n{llvm}\nbpf-linker {linker}\n"))
}

fn linker_version(linker: &Path) -> Option<String> {
    Some(read(Command::new(linker).arg("--version")).ok()?.strip_prefix("bpf-linker ")?.trim().to_owned())
}

/// The library as the dynamic linker finds it.
fn system_llvm() -> Result<PathBuf> {
    let name = format!("libLLVM.so.{LLVM_VERSION}");
    for folder in fs::read_dir("/usr/lib")?.flatten() {
        for file in fs::read_dir(folder.path()).into_iter().flatten().flatten() {
            if file.file_name().to_string_lossy().starts_with(&name) {
                return Ok(file.path());
            }
        }
    }
    bail!("no {name} below /usr/lib, though rustc-web brings it: reinstall libllvm{LLVM_VERSION}")
}
