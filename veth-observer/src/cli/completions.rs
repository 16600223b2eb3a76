//! `completions`: what a shell asks before it completes our command line.

use anyhow::Result;
use clap::{Args, Command, CommandFactory as _};
use clap_complete::{Shell, generate};

use super::{Cli, output::Output};

const NAME: &str = "veth-observer";

/// Print a script that has a shell complete the command line
///
/// The Debian package brings those of bash, fish and zsh.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  source <(veth-observer completions bash)
  veth-observer completions fish > ~/.config/fish/completions/veth-observer.fish
  veth-observer completions zsh > ~/.zfunc/_veth-observer")]
pub struct Completions {
    /// The shell that asks
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self, out: &mut Output) -> Result<()> {
        let mut script = Vec::new();
        generate(self.shell, &mut shown(), NAME, &mut script);
        // clap_complete writes the hyphen of our name in two ways, and bash then completes nothing behind a command:
        // https://github.com/clap-rs/clap/issues/6421
        out.text(&String::from_utf8(script)?.replace("veth__subcmd__observer", "veth__observer"))
    }
}

/// The command line as `--help` shows it: hidden commands would be completed too.
fn shown() -> Command {
    let cli = Cli::command();
    let shown = cli.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    Command::new(NAME)
        .version(env!("CARGO_PKG_VERSION"))
        .args(cli.get_arguments().cloned())
        .subcommands(shown)
}
