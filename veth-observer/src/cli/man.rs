//! `man`: the manual, a page for each command, from the same words as `--help`.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, Command, CommandFactory as _};
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};

use super::Cli;
use crate::{agent::http::SOCKET, config};

/// Write the manual pages of all commands into a folder
#[derive(Debug, Args)]
pub struct Manual {
    /// Made where it is not there
    dir: PathBuf,
}

const SOURCE: &str = concat!("veth-observer ", env!("CARGO_PKG_VERSION"));

const EXIT_CODES: [(&str, &str); 7] = [
    ("0", "Done, and every threshold that was given is met."),
    ("1", "Failed."),
    ("2", "Wrong usage."),
    ("3", "A privilege or a feature of the kernel is missing; the fix is printed."),
    ("4", "No such interface, pair, namespace or container, or more than one."),
    ("5", "A check failed, a threshold was breached, or a frame did not arrive."),
    ("130", "Interrupted twice; the first time asks for the summary."),
];

const ENVIRONMENT: [(&str, &str); 5] = [
    (
        "VETH_OBSERVER_LOG",
        "What to log on standard error, as a filter such as debug or veth_observer=trace. It goes before -v.",
    ),
    ("NO_COLOR", "Set to anything: a log without colours."),
    ("LC_ALL, LC_CTYPE, LANG", "The first that is set decides whether µ can be printed."),
    ("XDG_CONFIG_HOME", "Where extcap install finds Wireshark's folder of the user, if tshark does not say."),
    (
        "NOTIFY_SOCKET, WATCHDOG_USEC",
        "Set by systemd: where agent says that it is ready, and how often that it is alive.",
    ),
];

const FILES: [(&str, &str); 5] = [
    (config::PATH, "Settings of the agent; config print writes all of them."),
    (
        SOCKET,
        "The socket of the agent that runs as a service. Members of the group veth-observer may use it.",
    ),
    ("/etc/default/veth-observer", "Further flags of that agent, as ARGS=\"...\"."),
    ("/run/netns", "The names of network namespaces."),
    ("/sys/kernel/btf/vmlinux", "The types of the kernel, without which nothing can be observed."),
];

impl Manual {
    pub(super) fn run(&self) -> Result<()> {
        let failed = || format!("cannot write the manual into {}", self.dir.display());
        fs::create_dir_all(&self.dir).with_context(failed)?;
        let mut cli = Cli::command()
            .version(env!("CARGO_PKG_VERSION"))
            .disable_help_subcommand(true)
            .mut_subcommands(|below| below.disable_help_subcommand(true));
        cli.build();
        for command in documented(&cli) {
            // No date, so that the same sources make the same page; roff wants an empty word for it.
            let man = Man::new(command.clone()).date("\"\"").source(SOURCE);
            let page = page(command, &man)?;
            fs::write(self.dir.join(man.get_filename()), page).with_context(failed)?;
        }
        Ok(())
    }
}

/// The command and all below it.
fn documented(command: &Command) -> Vec<&Command> {
    let below = command.get_subcommands().filter(|below| !below.is_hide_set());
    [command].into_iter().chain(below.flat_map(documented)).collect()
}

fn page(command: &Command, man: &Man) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let mut rest = Roff::new();
    let is_main = command.get_name() == Cli::command().get_name();
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    examples(&mut rest, &after);
    if is_main {
        list(&mut rest, "EXIT STATUS", &EXIT_CODES);
        list(&mut rest, "ENVIRONMENT", &ENVIRONMENT);
        list(&mut rest, "FILES", &FILES);
        section(&mut rest, "SEE ALSO", "ip(8), tcpdump(8), tshark(1), pcap-filter(7), extcap(4)");
    } else {
        notes(&mut rest, &after);
        section(&mut rest, "SEE ALSO", "veth-observer(1), which lists the exit codes, variables and files");
    }
    rest.to_writer(&mut page)?;
    Ok(page)
}

/// Lines that keep their form.
fn examples(page: &mut Roff, after_help: &str) {
    let mut lines = after_help.lines().filter(|line| line.starts_with(' ')).peekable();
    if lines.peek().is_some() {
        page.control("SH", ["EXAMPLES"]).control("nf", []);
        for line in lines {
            page.text([roman(line)]);
        }
        page.control("fi", []);
    }
}

/// Each line of prose is a paragraph.
fn notes(page: &mut Roff, after_help: &str) {
    let is_prose = |line: &&str| !line.is_empty() && !line.starts_with(' ') && *line != "Examples:";
    for (number, line) in after_help.lines().filter(is_prose).enumerate() {
        if number == 0 {
            section(page, "NOTES", line);
        } else {
            page.control("PP", []).text([roman(line)]);
        }
    }
}

fn list(page: &mut Roff, title: &str, entries: &[(&str, &str)]) {
    page.control("SH", [title]);
    for (term, meaning) in entries {
        page.control("TP", []).text([bold(*term)]).text([roman(*meaning)]);
    }
}

fn section(page: &mut Roff, title: &str, text: &str) {
    page.control("SH", [title]).text([roman(text)]);
}
