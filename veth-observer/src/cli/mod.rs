//! The front door: what was typed, and which exit code it earns.

pub mod output;

mod agent;
mod alias;
mod capture;
mod cleanup;
mod command;
mod completions;
mod config;
mod create;
mod delete;
mod demo;
mod doctor;
mod extcap;
mod latency;
mod list;
mod man;
mod metrics;
mod observed;
mod observing;
mod origin;
mod peer;
mod remote;
mod sampling;
mod send;
mod show;
mod stats;
mod stop;
mod top;
mod watch;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::{fault::Fault, view::escape};
use output::Output;

const AFTER_HELP: &str = "\
Examples:
  sudo veth-observer demo                     see it work, on a pair of its own
  veth-observer list                          every veth pair of this host
  sudo veth-observer stats veth0              what a pair delivers, until Ctrl-C
  veth-observer top                           all pairs at once, by the agent
  sudo veth-observer stats container:web --duration 10s -j

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 privilege or kernel feature missing, 4 no such interface or pair, \
5 a check failed or a frame did not arrive, 130 interrupted twice.";

/// Says what a veth pair delivers: frames sent, received, in flight and lost in each direction, and their one-way delay.
#[derive(Debug, Parser)]
#[command(name = "veth-observer", version = crate::kernel::VERSION, propagate_version = true, max_term_width = 110, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output options")]
pub struct Global {
    /// How to print: a table for people or JSON for programs
    #[arg(short, long, global = true, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    pub output: Format,
    /// Same as --output json
    #[arg(short, long, global = true)]
    pub json: bool,
    /// Indent JSON
    #[arg(short, long, global = true)]
    pub pretty: bool,
    /// Say more on standard error: -v what is done, -vv also what the kernel programs say
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// How to write the log on standard error
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub log_format: LogFormat,
}

impl Global {
    fn wants_json(&self) -> bool {
        self.json || self.output == Format::Json
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Table,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Demo(demo::Demo),
    Create(Box<create::Create>),
    Delete(delete::Delete),
    #[command(visible_alias = "ls")]
    List(list::List),
    Show(show::Show),
    Peer(peer::Peer),
    Send(send::Send),
    Watch(Box<watch::Watch>),
    Capture(Box<capture::Capture>),
    Stats(stats::Stats),
    Latency(Box<latency::Latency>),
    Top(Box<top::Top>),
    Agent(Box<agent::Agent>),
    Config(config::Config),
    Extcap(extcap::Extcap),
    Doctor(doctor::Doctor),
    Cleanup(cleanup::Cleanup),
    Metrics(metrics::Metrics),
    Completions(completions::Completions),
    #[command(hide = true)]
    Man(man::Manual),
}

impl Cli {
    async fn run(self) -> Result<()> {
        let out = &mut Output::new(&self.global);
        match self.command {
            Command::Demo(command) => Box::pin(command.run(out)).await,
            Command::Create(command) => command.run(out).await,
            Command::Delete(command) => command.run(out).await,
            Command::List(command) => command.run(out).await,
            Command::Show(command) => command.run(out).await,
            Command::Peer(command) => command.run(out).await,
            Command::Send(command) => command.run(out).await,
            Command::Watch(command) => command.run(out).await,
            Command::Capture(command) => Box::pin(command.run(out)).await,
            Command::Stats(command) => command.run(out).await,
            Command::Latency(command) => Box::pin(command.run(out)).await,
            Command::Top(command) => Box::pin(command.run(out)).await,
            Command::Agent(command) => Box::pin(command.run(out)).await,
            Command::Config(command) => command.run(out),
            Command::Extcap(command) => Box::pin(command.run(out)).await,
            Command::Doctor(command) => command.run(out).await,
            Command::Cleanup(command) => command.run(out).await,
            Command::Metrics(command) => command.run(out),
            Command::Completions(command) => command.run(out),
            Command::Man(command) => command.run(),
        }
    }
}

/// Parses the command line, runs the command and maps its outcome to an exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse_from(extcap::words(std::env::args_os())) {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody is left to tell when even this cannot be written.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    start_log(&cli);
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&anyhow::Error::new(error).context("cannot start the async runtime")),
    };
    match runtime.block_on(cli.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error),
    }
}

/// Says what failed, why, and what mends it, and gives the exit code.
fn report(error: &anyhow::Error) -> ExitCode {
    if broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    if error.is::<stop::Interrupted>() {
        return ExitCode::from(130);
    }
    let fault = error.downcast_ref::<Fault>();
    let failed = error.downcast_ref::<command::Failed>();
    let mut message = format!("veth-observer: {error:#}\n");
    if let Some(fix) = fault.and_then(|fault| fault.fix.as_ref()) {
        message = format!("{message}fix: {fix}\n");
    }
    let message = escape::text(&message);
    let _ = std::io::Write::write_all(&mut std::io::stderr(), message.as_bytes());
    let code = fault.map(|fault| fault.kind.exit_code()).or(failed.map(command::Failed::exit_code));
    ExitCode::from(code.unwrap_or(1))
}

/// The reader of our output went away: `veth-observer list | head -1` has done its job.
fn broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

fn start_log(Cli { global, command }: &Cli) {
    use tracing_subscriber::{EnvFilter, fmt};
    let is_drawn = matches!(command, Command::Top(_)) && !global.wants_json();
    if is_drawn && std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        // On the same terminal as the picture.
        return;
    }
    let level = match global.verbose {
        0 => "warn",
        1 => "veth_observer=info,warn",
        // `programs` is the crate that runs in the kernel.
        _ => "veth_observer=debug,programs=debug,info",
    };
    let filter = EnvFilter::try_from_env("VETH_OBSERVER_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let colour =
        std::io::IsTerminal::is_terminal(&std::io::stderr()) && std::env::var_os("NO_COLOR").is_none();
    // A line that cannot be written must not end us before all is given back: telling so panics where stderr is closed.
    let builder = fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .log_internal_errors(false);
    match global.log_format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// What stands below the flags: examples keep their lines and must fit, and a paragraph is one line, which clap wraps
    /// for the terminal that is there.
    #[test]
    fn what_follows_the_flags_fits_every_terminal() {
        let commands = Cli::command();
        let mut seen = 0;
        for command in commands.get_subcommands().chain([&commands]) {
            let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let mut in_paragraph = false;
            for line in text.lines() {
                let is_prose = !line.is_empty() && !line.starts_with(' ') && line != "Examples:";
                assert!(is_prose || line.len() <= 80, "{}: {line}", command.get_name());
                assert!(!(is_prose && in_paragraph), "{}: a line end before {line}", command.get_name());
                in_paragraph = is_prose;
                seen += 1;
            }
        }
        assert!(seen > 30, "{seen}");
    }
}
