//! `cargo xtask ci`: everything that must hold, cheapest first, until something does not.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::{
    bench,
    command::{cargo, root, run},
    ebpf, fences, manifests, metrics,
    test::{FEATURES, tests},
};

/// A step by its title, the command that repeats it alone, and what it does.
type Step = (&'static str, &'static str, fn() -> Result<()>);

const STEPS: [Step; 12] = [
    ("format", "cargo fmt --all --check", format),
    (
        "format of the eBPF crate",
        "cargo fmt --manifest-path veth-observer-ebpf/Cargo.toml --check",
        format_ebpf,
    ),
    ("fences", "cargo xtask fences", fences::run),
    ("BPF toolchain", "cargo xtask ebpf --install-toolchain --check", ebpf::install_toolchain),
    ("eBPF object from source", "cargo xtask ebpf --check", ebpf::check),
    ("clippy of the eBPF crate", "cargo xtask ebpf --clippy", ebpf::clippy),
    (
        "clippy",
        "cargo clippy --workspace --all-targets --features veth-observer/otlp --locked -- -D warnings",
        clippy,
    ),
    (
        "clippy of a plain build",
        "cargo clippy --workspace --lib --bins --locked -- -D warnings",
        clippy_plain,
    ),
    ("page of metrics", "cargo xtask metrics --check", metrics::check),
    ("manifests", "cargo xtask manifests --check", manifests::check),
    ("tests", "cargo xtask test", || tests(&[])),
    ("bench, short", "cargo xtask bench --quick", bench::quick),
];

pub(crate) fn ci() -> Result<()> {
    let mut times = Vec::new();
    for (title, command, step) in STEPS {
        println!("\n== {title}");
        let start = Instant::now();
        if let Err(error) = step() {
            println!("\n{error:#}");
            bail!("{title} failed after {:.1} s: `{command}` repeats it", start.elapsed().as_secs_f64());
        }
        times.push((title, start.elapsed()));
    }
    println!("\n== all passed");
    for (title, time) in &times {
        println!("{:>8.1} s  {title}", time.as_secs_f64());
    }
    let total: Duration = times.iter().map(|(_, time)| time).sum();
    println!("{:>8.1} s  in all", total.as_secs_f64());
    Ok(())
}

fn format() -> Result<()> {
    run(cargo(&root()?).args(["fmt", "--all", "--check"]))
}

fn format_ebpf() -> Result<()> {
    run(cargo(&root()?).args(["fmt", "--manifest-path", "veth-observer-ebpf/Cargo.toml", "--check"]))
}

fn clippy() -> Result<()> {
    let mut clippy = cargo(&root()?);
    clippy.args(["clippy", "--workspace", "--all-targets", "--locked"]).args(FEATURES);
    run(clippy.args(["--", "-D", "warnings"]))
}

/// Without the features that are tested.
fn clippy_plain() -> Result<()> {
    let plain = ["clippy", "--workspace", "--lib", "--bins", "--locked", "--", "-D", "warnings"];
    run(cargo(&root()?).args(plain))
}
