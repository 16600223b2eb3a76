//! `extcap install`: a link to this program in the folder where Wireshark looks.

use std::{
    env, fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, anyhow};
use clap::Args;
use serde::Serialize;

use crate::{cli::output::Output, fault::Fault, model::SCHEMA};

/// What the link is called, and so what we are called through it.
pub(in crate::cli) const NAME: &str = "veth-observer-extcap";

/// What a program of ours is called.
const PROGRAM: &str = "veth-observer";

/// Which folder.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// Your own folder (the default)
    #[arg(long)]
    user: bool,
    /// The folder of all users, of which tshark knows where it is
    #[arg(long, conflicts_with = "user")]
    system: bool,
    /// This folder, where Wireshark has another one
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["user", "system"])]
    dir: Option<PathBuf>,
}

#[derive(Serialize)]
struct Done<'a> {
    schema: u32,
    link: String,
    program: Option<String>,
    /// False when it was so already.
    changed: bool,
    #[serde(skip)]
    verb: &'a str,
}

/// What is at the place of the link.
enum Found {
    Nothing,
    /// A link to a program of ours.
    Ours(PathBuf),
    Strange,
}

impl Place {
    pub(super) fn install(&self, out: &mut Output) -> Result<()> {
        let program = env::current_exe().context("cannot tell where this program is")?;
        let folder = self.folder()?;
        let link = folder.join(NAME);
        let changed = match found(&link)? {
            Found::Strange => return Err(strange(&link)),
            Found::Ours(target) => target != program,
            Found::Nothing => true,
        };
        if changed {
            let failed = || format!("cannot put a link into {}", folder.display());
            fs::create_dir_all(&folder).map_err(|error| self.denied(error, &folder)).with_context(failed)?;
            // Renamed into place, so that a Wireshark that starts now finds the old one or the new one.
            let fresh = folder.join(format!(".{NAME}.{}", std::process::id()));
            symlink(&program, &fresh).map_err(|error| self.denied(error, &folder)).with_context(failed)?;
            if let Err(error) = fs::rename(&fresh, &link) {
                let _ = fs::remove_file(&fresh);
                return Err(self.denied(error, &folder)).with_context(failed);
            }
        }
        let program = Some(program.display().to_string());
        say(out, &Done { schema: SCHEMA, link: link.display().to_string(), program, changed, verb: "linked" })
    }

    pub(super) fn uninstall(&self, out: &mut Output) -> Result<()> {
        let folder = self.folder()?;
        let link = folder.join(NAME);
        let changed = match found(&link)? {
            Found::Strange => return Err(strange(&link)),
            Found::Nothing => false,
            Found::Ours(_) => {
                let removed = fs::remove_file(&link).map_err(|error| self.denied(error, &folder));
                removed.with_context(|| format!("cannot remove {}", link.display()))?;
                true
            }
        };
        let link = link.display().to_string();
        say(out, &Done { schema: SCHEMA, link, program: None, changed, verb: "removed" })
    }

    fn folder(&self) -> Result<PathBuf> {
        if let Some(folder) = &self.dir {
            return Ok(folder.clone());
        }
        let said = Command::new("tshark").args(["-G", "folders"]).output();
        let said =
            said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        let folder = if self.system { of_all(&said) } else { of_user(&said).or_else(usual_of_user) };
        folder.ok_or_else(|| {
            let whose = if self.system { "of all users" } else { "of yours" };
            Fault::unavailable(format!("tshark, which knows the folder {whose}, cannot be run"))
                .fix("name the folder with --dir; Wireshark shows it under Help, About Wireshark, Folders")
                .into()
        })
    }

    fn denied(&self, error: io::Error, folder: &Path) -> anyhow::Error {
        if error.kind() != io::ErrorKind::PermissionDenied {
            return error.into();
        }
        let fix = if self.system { "run it with sudo, or without --system" } else { "run it with sudo" };
        Fault::unavailable(format!("you may not write to {}", folder.display())).fix(fix).into()
    }
}

fn say(out: &mut Output, done: &Done) -> Result<()> {
    if out.wants_json() {
        return out.json(done);
    }
    match (&done.program, done.changed) {
        (Some(program), true) => out.line(format!("{} {} -> {program}", done.verb, done.link)),
        (Some(program), false) => out.line(format!("{} -> {program} is there already", done.link)),
        (None, true) => out.line(format!("{} {}", done.verb, done.link)),
        (None, false) => out.line(format!("{} is not there", done.link)),
    }
}

fn found(link: &Path) -> Result<Found> {
    match fs::read_link(link) {
        Ok(target) if target.file_name().is_some_and(|name| name == PROGRAM) => Ok(Found::Ours(target)),
        Ok(_) => Ok(Found::Strange),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound => Ok(Found::Nothing),
            // It is there, and no link.
            io::ErrorKind::InvalidInput => Ok(Found::Strange),
            _ => Err(anyhow!(error).context(format!("cannot look at {}", link.display()))),
        },
    }
}

fn strange(link: &Path) -> anyhow::Error {
    anyhow!("{} is there already and is not ours; it was left alone", link.display())
}

/// The folder of all users, as `tshark -G folders` prints it.
fn of_all(folders: &str) -> Option<PathBuf> {
    value(folders, "Global Extcap path").or_else(|| value(folders, "Extcap path"))
}

/// That of the caller, which Wireshark 4.0 looks into and does not print.
fn of_user(folders: &str) -> Option<PathBuf> {
    let printed = value(folders, "Personal Extcap path");
    printed.or_else(|| Some(value(folders, "Personal configuration")?.join("extcap")))
}

fn usual_of_user() -> Option<PathBuf> {
    let config = env::var_os("XDG_CONFIG_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let config = config.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".config")))?;
    Some(config.join("wireshark/extcap"))
}

fn value(folders: &str, key: &str) -> Option<PathBuf> {
    folders.lines().find_map(|line| {
        let (name, path) = line.split_once(':')?;
        (name == key).then(|| PathBuf::from(path.trim()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wireshark_says_where_it_looks_in_two_ways() {
        let of_4_0 = "Temp:   \t/tmp\nPersonal configuration:\t/home/a/.config/wireshark\nExtcap path: \t/usr/lib/w/extcap\n";
        assert_eq!(of_all(of_4_0), Some("/usr/lib/w/extcap".into()));
        assert_eq!(of_user(of_4_0), Some("/home/a/.config/wireshark/extcap".into()));
        let later =
            "Personal Extcap path:\t/home/a/.local/lib/wireshark/extcap\nGlobal Extcap path:\t/usr/x\n";
        assert_eq!(of_all(later), Some("/usr/x".into()));
        assert_eq!(of_user(later), Some("/home/a/.local/lib/wireshark/extcap".into()));
        assert_eq!((of_all(""), of_user("")), (None, None));
    }
}
