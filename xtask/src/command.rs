//! Running other programs: what is run is printed, and a failure names it.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Context as _, Result, bail, ensure};

/// The root of the workspace.
pub(crate) fn root() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask is not in its workspace")?;
    ensure!(
        root.join("Cargo.toml").is_file(),
        "the workspace is no longer at {}: rebuild xtask",
        root.display()
    );
    Ok(root.to_path_buf())
}

/// The cargo that runs us, in the root of the workspace.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root);
    cargo
}

/// Runs a command to its end with its output going where ours goes.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    println!("$ {line}");
    let status = command.status().with_context(|| format!("cannot run `{line}`"))?;
    ensure!(status.success(), "`{line}` failed: {status}");
    Ok(())
}

/// What a command printed, without the line break at the end.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let line = line(command);
    let Output { status, stdout, stderr } =
        command.output().with_context(|| format!("cannot run `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed: {status}: {}", String::from_utf8_lossy(&stderr).trim());
    }
    Ok(String::from_utf8_lossy(&stdout).trim_end().to_owned())
}

/// Where a program is, looking also where root's programs are.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

pub(crate) fn is_root() -> Result<bool> {
    Ok(read(Command::new("id").arg("-u"))? == "0")
}

/// A command that runs as root: as it is, or through sudo with the variables it needs.
pub(crate) fn as_root(program: &str, variables: &[(&str, &str)]) -> Result<Command> {
    let mut command = if is_root()? {
        Command::new("env")
    } else if find("sudo").is_some() {
        let mut sudo = Command::new("sudo");
        sudo.arg("env");
        sudo
    } else {
        bail!("`{program}` has to run as root, and there is no sudo: run this as root");
    };
    command.args(variables.iter().map(|(name, value)| format!("{name}={value}"))).arg(program);
    Ok(command)
}

fn line(command: &Command) -> String {
    let mut line = OsString::from(Path::new(command.get_program()).file_name().unwrap_or_default());
    for argument in command.get_args() {
        line.push(" ");
        line.push(argument);
    }
    line.to_string_lossy().into_owned()
}
