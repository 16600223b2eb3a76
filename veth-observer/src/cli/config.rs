//! `config`: the file that the agent reads.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::output::Output;
use crate::{
    config::{self, Effective, Flags, Problem, Settings},
    fault::Fault,
    model::SCHEMA,
};

/// Write and check the configuration file of the agent
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  veth-observer config print > agent.toml
  veth-observer config check agent.toml
  veth-observer config print --effective --config agent.toml --max-pairs 50")]
pub struct Config {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Print(Box<Print>),
    Check(Check),
}

/// Print a file that says the defaults, with what each setting means
#[derive(Debug, Args)]
struct Print {
    /// Print what an agent with these flags, this environment and this file would use, and where each value comes from
    #[arg(long)]
    effective: bool,
    #[command(flatten)]
    flags: Flags,
}

/// Say what is wrong with a file, and where; exit code 2 if anything is
#[derive(Debug, Args)]
struct Check {
    /// The file
    #[arg(default_value = config::PATH, env = "VETH_OBSERVER_CONFIG", hide_env_values = true)]
    file: PathBuf,
}

#[derive(Serialize)]
struct Template {
    schema: u32,
    template: &'static str,
}

#[derive(Serialize)]
struct Checked<'a> {
    schema: u32,
    file: &'a str,
    problems: &'a [Problem],
}

impl Config {
    pub(super) fn run(self, out: &mut Output) -> Result<()> {
        match self.what {
            What::Print(print) => print.run(out),
            What::Check(check) => check.run(out),
        }
    }
}

impl Print {
    fn run(&self, out: &mut Output) -> Result<()> {
        if !self.effective {
            if self.flags.are_given() {
                let fault = Fault::usage("the template is the same whatever is set");
                return Err(fault.fix("veth-observer config print --effective").into());
            }
            return if out.wants_json() {
                out.json(&Template { schema: SCHEMA, template: config::TEMPLATE })
            } else {
                out.text(config::TEMPLATE)
            };
        }
        let effective = Effective::of(&Settings::read(&self.flags)?);
        if out.wants_json() { out.json(&effective) } else { out.text(&effective.to_toml()) }
    }
}

impl Check {
    fn run(&self, out: &mut Output) -> Result<()> {
        let file = self.file.display().to_string();
        let problems = config::parse(&config::read(&self.file)?).err().unwrap_or_default();
        if out.wants_json() {
            out.json(&Checked { schema: SCHEMA, file: &file, problems: &problems })?;
        } else {
            for problem in &problems {
                out.line(format!("{file}:{problem}"))?;
            }
        }
        match problems.len() {
            0 if out.wants_json() => Ok(()),
            0 => out.line(format!("{file} is in order")),
            1 => Err(Fault::usage(format!("there is one mistake in {file}")).into()),
            count => Err(Fault::usage(format!("there are {count} mistakes in {file}")).into()),
        }
    }
}
