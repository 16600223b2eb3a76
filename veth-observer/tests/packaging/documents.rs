//! What the program says of itself for a package: its manual, and what shells ask for.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use clap::CommandFactory as _;
use veth_observer::{agent::http::SOCKET, cli::Cli, fault::Kind};

use crate::support::{
    command::{PROGRAM, Run},
    netns::run,
};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("vo-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The command lines that `--help` shows, without the help command that clap adds.
fn commands() -> Vec<(String, clap::Command)> {
    fn below(name: &str, command: &clap::Command, all: &mut Vec<(String, clap::Command)>) {
        all.push((name.to_owned(), command.clone()));
        let shown = |below: &&clap::Command| !below.is_hide_set() && below.get_name() != "help";
        for command in command.get_subcommands().filter(shown) {
            below(&format!("{name}-{}", command.get_name()), command, all);
        }
    }
    let mut cli = Cli::command();
    cli.build();
    let mut all = Vec::new();
    below("veth-observer", &cli, &mut all);
    assert!(all.len() > 18, "{}", all.len());
    all
}

/// What roff takes for that text.
fn roff(text: &str) -> String {
    text.replace('-', "\\-").replace('\'', "\\*(Aq")
}

#[test]
fn every_command_has_a_page_with_all_its_flags() {
    let folder = Folder::new("man");
    assert_eq!(Run::here(&["man", folder.0.to_str().unwrap()]).outcome().ok(), "");
    let mut files: BTreeSet<String> = fs::read_dir(&folder.0)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for (name, command) in commands() {
        let file = format!("{name}.1");
        assert!(files.remove(&file), "no {file}");
        let path = folder.0.join(&file);
        let page = fs::read_to_string(&path).unwrap();
        let about = command.get_about().unwrap_or_else(|| panic!("{name} does not say what it does"));
        assert!(page.contains(&roff(&format!("{name} - {about}"))), "{page}");
        for flag in command.get_arguments().filter(|flag| !flag.is_hide_set()) {
            let word =
                flag.get_long().map_or(flag.get_id().as_str().to_uppercase(), |long| format!("--{long}"));
            assert!(page.contains(&roff(&word)), "{file} has no {word}");
        }
        well_formed(&path);
    }
    assert!(files.is_empty(), "pages of no command: {files:?}");
    let main = fs::read_to_string(folder.0.join("veth-observer.1")).unwrap();
    for kind in [Kind::Usage, Kind::Unavailable, Kind::NotFound, Kind::Breached] {
        assert!(main.contains(&format!("\n\\fB{}\\fR\n", kind.exit_code())), "{kind:?}");
    }
    assert!(main.contains(&roff(SOCKET)));
}

/// man finds nothing to say against it.
fn well_formed(page: &Path) {
    let man = Command::new("man")
        .args(["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"])
        .arg(page)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .expect("man runs");
    assert!(man.status.success() && man.stderr.is_empty(), "{}", String::from_utf8_lossy(&man.stderr));
    assert!(man.stdout.len() > 500, "{}", page.display());
}

#[test]
fn every_shell_knows_every_command_and_no_hidden_one() {
    // How each script has a command as a word of its own.
    let words = [("bash", ["veth__observer,", ")"]), ("zsh", ["\n'", ":"]), ("fish", [" -a \"", "\" "])];
    for (shell, [before, after]) in words {
        let script = Run::here(&["completions", shell]).outcome().ok();
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            assert_eq!(
                script.contains(&format!("{before}{name}{after}")),
                !command.is_hide_set(),
                "{shell}: {name}"
            );
        }
    }
}

#[test]
fn bash_completes_with_it() {
    let complete = |words: &[&str]| {
        let current = words.len() - 1;
        let script = format!(
            "source <({PROGRAM} completions bash)
            function=$(complete -p veth-observer | sed 's/.* -F \\([^ ]*\\) .*/\\1/')
            COMP_WORDS=({}) COMP_CWORD={current}
            $function veth-observer '{}' '{}'
            echo ${{COMPREPLY[@]}}",
            words.join(" "),
            words[current],
            words[current - 1]
        );
        run("bash", &["--norc", "-c", &script]).trim().to_owned()
    };
    assert_eq!(complete(&["veth-observer", "stat"]), "stats");
    assert_eq!(complete(&["veth-observer", "ma"]), "");
    assert_eq!(complete(&["veth-observer", "extcap", "inst"]), "install");
    assert_eq!(complete(&["veth-observer", "extcap", "un"]), "uninstall");
    assert_eq!(complete(&["veth-observer", "stats", "--att"]), "--attach");
    assert_eq!(complete(&["veth-observer", "stats", "--attach", "cl"]), "clsact");
}
