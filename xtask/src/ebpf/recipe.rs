//! How the eBPF object is compiled, in one place; shared with `veth-observer/build.rs`.
//!
//! cargo runs in a stage: a folder that holds a workspace of its own and links to both crates. Built where they lie,
//! the shared crate would be outside the workspace, cargo would hash its absolute path into symbol names, and no two
//! clones would give the same bytes.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    io::{Error, ErrorKind, Result},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Debian's compiler: it comes with a `core` for the target, which rustup's stable does not.
pub(crate) const RUSTC: &str = "/usr/bin/rustc";
pub(crate) const TARGET: &str = "bpfel-unknown-none";

/// `debug = 2`: the kernel wants types for functions, and they are made from it. One codegen unit: with more, what must
/// be inlined becomes a call and the stack passes 512 bytes.
const WORKSPACE: &str = r#"[workspace]
resolver = "3"
members = ["veth-observer-ebpf"]
exclude = ["veth-observer-common"]

[profile.release]
codegen-units = 1
debug = 2
lto = true
opt-level = 3
panic = "abort"
"#;

/// Variables that say where crates come from and how many jobs to run; all others of cargo's and rustc's are kept away.
const KEPT: [&str; 6] =
    ["CARGO_HOME", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR", "CARGO_SOURCE_", "CARGO_BUILD_JOBS"];

/// Where the linker is installed: by `cargo xtask ebpf --install-toolchain`.
pub(crate) fn linker(root: &Path) -> PathBuf {
    root.join("target/bpf-toolchain/bin/bpf-linker")
}

/// Whether compiler, `core` and linker are all there.
pub(crate) fn is_installed(root: &Path) -> bool {
    let core = Path::new("/usr/lib/rustlib").join(TARGET);
    Path::new(RUSTC).exists() && core.exists() && linker(root).exists()
}

/// Compiles the object in `stage` and returns its path. It still holds its debug sections.
pub(crate) fn build(root: &Path, stage: &Path) -> Result<PathBuf> {
    lay_out(root, stage)?;
    // Ahead of the build: the folders that crates are unpacked to must be there to be named in its flags.
    run(cargo(root, stage).args(["fetch", "--locked", "--quiet"]))?;
    run(cargo(root, stage).args(["build", "--locked", "--release", "--target", TARGET]))?;
    Ok(stage.join("target").join(TARGET).join("release/programs"))
}

/// The cargo that runs us, in `stage`, with nothing of our own build in its environment.
pub(crate) fn cargo(root: &Path, stage: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let ours = ["CARGO", "RUST", "LD_LIBRARY_PATH"].iter().any(|prefix| text.starts_with(prefix));
        if ours && !KEPT.iter().any(|kept| text.starts_with(kept)) {
            command.env_remove(&name);
        }
    }
    command
        .current_dir(stage)
        .env("RUSTC", RUSTC)
        .env("RUSTC_BOOTSTRAP", "aya_ebpf,programs")
        .env("CARGO_TARGET_DIR", stage.join("target"))
        .env("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER", linker(root))
        .env("CARGO_ENCODED_RUSTFLAGS", flags(stage))
        .stdout(Stdio::null());
    command
}

/// Runs a command, or says which one failed.
fn run(command: &mut Command) -> Result<()> {
    if command.status()?.success() { Ok(()) } else { Err(Error::other(format!("{command:?} failed"))) }
}

pub(crate) fn lay_out(root: &Path, stage: &Path) -> Result<()> {
    fs::create_dir_all(stage)?;
    fs::write(stage.join("Cargo.toml"), WORKSPACE)?;
    for (name, target) in [
        ("veth-observer-ebpf", "veth-observer-ebpf"),
        ("veth-observer-common", "veth-observer-common"),
        ("Cargo.lock", "veth-observer-ebpf/Cargo.lock"),
    ] {
        match fs::remove_file(stage.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => symlink(root.join(target), stage.join(name))?,
        }
    }
    Ok(())
}

/// Types for the kernel, and no path of this machine: neither the stage's nor the registry's, one folder per source.
fn flags(stage: &Path) -> OsString {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::home_dir().map(|home| home.join(".cargo"))).unwrap_or_default();
    let mut remaps = vec![(stage.to_path_buf(), "/veth-observer")];
    if let Ok(sources) = fs::read_dir(home.join("registry/src")) {
        remaps.extend(sources.flatten().map(|source| (source.path(), "/registry")));
    }
    // v3: 32-bit arithmetic and jumps, since Linux 5.1.
    let mut flags = vec![OsString::from("-Clink-arg=--btf"), OsString::from("-Ctarget-cpu=v3")];
    for (from, to) in remaps {
        let mut flag = OsString::from("--remap-path-prefix=");
        flag.push(from);
        flag.push("=");
        flag.push(to);
        flags.push(flag);
    }
    flags.join(OsStr::new("\x1f"))
}
