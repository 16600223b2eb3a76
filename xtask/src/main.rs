//! What a developer and CI do with this repository, one file per task.

#![expect(clippy::print_stdout, reason = "a tool of the command line speaks on standard output")]

mod apt;
mod command;
mod ebpf;
mod fences;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about)]
struct Xtask {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Compile the eBPF object that the repository carries
    Ebpf(ebpf::Ebpf),
    /// Check which room uses which, and which crates come in where
    Fences,
}

fn main() -> ExitCode {
    let done = match Xtask::parse().task {
        Task::Ebpf(ebpf) => ebpf.run(),
        Task::Fences => fences::run(),
    };
    let Err(error) = done else { return ExitCode::SUCCESS };
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}
