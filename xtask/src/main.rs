//! What a developer and CI do with this repository, one file per task.

#![expect(clippy::print_stdout, reason = "a tool of the command line speaks on standard output")]

mod apt;
mod bench;
mod ci;
mod command;
mod deb;
mod ebpf;
mod fences;
mod manifests;
mod metrics;
mod soak;
mod test;
mod venv;

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
    /// Write the rules as Kubernetes takes them, or check all manifests
    Manifests(manifests::Manifests),
    /// Write docs/metrics.md from the table of metrics in the code
    Metrics(metrics::Metrics),
    /// Build the Debian package of what is in the tree
    Deb(deb::Deb),
    /// Install what the tests need, and run all of them as root
    Test(test::Test),
    /// Run an agent among pairs that come and go, for long, and see that nothing grows
    Soak(soak::Soak),
    /// Measure what observing a pair costs, against nothing, an empty program and other tools
    Bench(bench::Bench),
    /// The traffic of one run of `bench`, in a process of its own
    #[command(hide = true)]
    BenchLoad(bench::Load),
    /// Everything that must hold before a change is taken
    Ci,
}

fn main() -> ExitCode {
    let done = match Xtask::parse().task {
        Task::Ebpf(ebpf) => ebpf.run(),
        Task::Fences => fences::run(),
        Task::Manifests(manifests) => manifests.run(),
        Task::Metrics(metrics) => metrics.run(),
        Task::Deb(deb) => deb.run(),
        Task::Test(test) => test.run(),
        Task::Soak(soak) => soak.run(),
        Task::Bench(bench) => bench.run(),
        Task::BenchLoad(load) => load.run(),
        Task::Ci => ci::ci(),
    };
    let Err(error) = done else { return ExitCode::SUCCESS };
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}
