//! `cargo xtask bench`: what observing a pair costs, against nothing, against an empty program and against other tools.
//!
//! How to read what it writes is in `docs/benchmarks/README.md`.

mod account;
mod agent;
mod bpf;
mod cases;
mod comparison;
mod interrupt;
mod lab;
mod machine;
mod packets;
mod pairs;
mod program_runs;
mod report;
mod sampling;
mod statistics;
mod usage;
mod workloads;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use account::Account;
use anyhow::{Context as _, Result, ensure};
use cases::{Case, Observer, Sent};
use clap::{Args, ValueEnum};
use comparison::{Row, Rows};
use lab::Lab;
use machine::Machine;
use program_runs::ProgramRun;
use report::Results;
use usage::Usage;
use workloads::{Run, Workload};

pub(crate) use workloads::Load;

use crate::{
    apt,
    command::{as_root, cargo, find, is_root, root, run},
};

/// One run, in full and when only seeing whether it all works.
const TIME: Duration = Duration::from_millis(600);
const QUICK: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// One short round into a temporary folder: checks the counts and that no number is missing
    #[arg(long)]
    quick: bool,
    /// How often the cost of a frame is measured; about a minute each
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Where the results go, instead of a folder for this day and machine below docs/benchmarks
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Only what observing costs each frame, of that only what is about sampling, what it takes to observe many pairs,
    /// or what an agent takes
    #[arg(long, value_name = "SECTION")]
    only: Option<Section>,
    /// Measure many pairs with short grace periods of RCU, for the whole machine while it lasts
    #[arg(long)]
    expedite_rcu: bool,
    /// Measure the `veth-observer` in this folder of cargo's, and its example `many`, instead of building them
    #[arg(long, value_name = "DIR")]
    built: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Section {
    Frames,
    Sampling,
    Pairs,
    Agent,
}

impl Section {
    fn workloads(this: Option<Self>) -> &'static [Workload] {
        if this == Some(Self::Sampling) {
            &[Workload::Flood, Workload::Blast, Workload::Steady]
        } else {
            &Workload::ALL
        }
    }

    fn takes(this: Option<Self>, case: Case) -> bool {
        this != Some(Self::Sampling) || case.is_about_sampling()
    }
}

/// What CI does.
pub(crate) fn quick() -> Result<()> {
    Bench { quick: true, rounds: 1, output: None, only: None, expedite_rcu: false, built: None }.run()
}

impl Bench {
    pub(crate) fn run(&self) -> Result<()> {
        let root = root()?;
        let needed = [("bpftool", "bpftool"), ("ip", "iproute2"), ("taskset", "util-linux")];
        let mut missing: Vec<&str> =
            needed.iter().filter(|(program, _)| find(program).is_none()).map(|n| n.1).collect();
        if !self.quick {
            missing.extend(Case::missing());
        }
        apt::install(&missing, "for the benchmark")?;
        let built = match &self.built {
            Some(folder) => folder.clone(),
            None => build(&root, self.quick)?,
        };
        if is_root()? { self.measure(&root, &built) } else { self.again_as_root(&built) }
    }

    fn again_as_root(&self, built: &Path) -> Result<()> {
        let this = std::env::current_exe()?;
        let mut again = as_root(&this.to_string_lossy(), &[])?;
        again.args(["bench", "--rounds", &self.rounds.to_string(), "--built"]).arg(built);
        let flags = [("--quick", self.quick), ("--expedite-rcu", self.expedite_rcu)];
        again.args(flags.iter().filter(|(_, given)| *given).map(|(flag, _)| flag));
        if let Some(section) = self.only.and_then(|section| section.to_possible_value()) {
            again.args(["--only", section.get_name()]);
        }
        if let Some(folder) = &self.output {
            again.arg("--output").arg(folder);
        }
        run(&mut again)
    }

    fn measure(&self, root: &Path, built: &Path) -> Result<()> {
        interrupt::listen();
        let observer = built.join("veth-observer");
        let machine = Machine::here(&observer, root)?;
        let folder = match &self.output {
            Some(folder) => folder.clone(),
            None if self.quick => {
                std::env::temp_dir().join(format!("veth-observer-bench-{}", std::process::id()))
            }
            None => root.join("docs/benchmarks").join(machine.folder()),
        };
        let wants = |section| self.only.is_none_or(|only| only == section);
        if wants(Section::Pairs) {
            let many = built.join("examples/many");
            println!("{}", pairs::measure(&machine, &many, &folder, self.quick, self.expedite_rcu)?);
        }
        if wants(Section::Agent) {
            println!("{}", agent::measure(&machine, &observer, &folder, self.quick)?);
        }
        if !matches!(self.only, Some(Section::Pairs | Section::Agent)) {
            println!("{}", self.frames(machine, &observer, &folder)?);
        }
        report::give_back(&folder).context("cannot hand the results to whoever called sudo")?;
        if self.quick && self.output.is_none() {
            std::fs::remove_dir_all(&folder)?;
        } else {
            println!("written to {}", folder.display());
        }
        Ok(())
    }

    /// Measures what each frame costs, writes it into the folder, and gives the most telling table.
    fn frames(&self, machine: Machine, observer: &Path, folder: &Path) -> Result<String> {
        let (rounds, time) = if self.quick { (1, QUICK) } else { (usize::from(self.rounds), TIME) };
        let (mut cases, notes) = Case::available();
        cases.retain(|case| Section::takes(self.only, *case));
        let workloads = Section::workloads(self.only);
        let bench = Place { lab: Lab::new()?, observer, cpu: machine.cpus - 1, time };
        let mut rows = Rows::default();
        bench.warm_up()?;
        for round in 0..rounds {
            for &workload in workloads {
                let cases: Vec<Case> = cases.iter().copied().filter(|case| case.is_for(workload)).collect();
                bench.round(round, workload, &cases, &mut rows)?;
            }
            println!("round {} of {rounds} done", round + 1);
        }
        let programs = bench.program_runs()?;
        let results = Results { machine, workloads, cases, notes, rounds, time, rows, programs };
        results.complete()?;
        results.write(folder)?;
        Ok(results.headline())
    }
}

/// Builds what is measured, and says where. The quick round measures the debug build that the tests made: the kernel
/// programs are the same.
fn build(root: &Path, quick: bool) -> Result<PathBuf> {
    let mut command = cargo(root);
    command.args(["build", "--locked", "--package", "veth-observer", "--bins", "--example", "many"]);
    if !quick {
        command.arg("--release");
    }
    run(&mut command)?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let built = root.join(target).join(if quick { "debug" } else { "release" });
    ensure!(built.join("veth-observer").is_file(), "cargo built no veth-observer in {}", built.display());
    Ok(built)
}

/// Where everything is measured, one run after the other.
struct Place<'a> {
    lab: Lab,
    observer: &'a Path,
    /// Where the load runs; whoever observes runs on CPU 0.
    cpu: usize,
    time: Duration,
}

impl Place<'_> {
    fn warm_up(&self) -> Result<()> {
        Workload::ALL.iter().try_for_each(|load| load.run(&self.lab, self.cpu, QUICK).map(drop))
    }

    /// A workload under every case, in another order each round, with nothing before, between and behind.
    fn round(&self, round: usize, workload: Workload, cases: &[Case], rows: &mut Rows) -> Result<()> {
        let mut order = cases.to_vec();
        order.rotate_left(round % cases.len());
        if round / cases.len() % 2 == 1 {
            order.reverse();
        }
        let mut sequence = vec![Case::Nothing];
        sequence.extend(order.iter().flat_map(|case| [*case, Case::Nothing]));
        for (position, &case) in sequence.iter().enumerate() {
            interrupt::check()?;
            let (run, observer, account) = self
                .one(workload, case)
                .with_context(|| format!("{} under {} in round {round}", workload.name(), case.name()))?;
            rows.0.push(Row { round, position, workload, case, run, observer, account });
        }
        Ok(())
    }

    /// The run, what the observer used meanwhile, and what it says became of the frames.
    fn one(&self, workload: Workload, case: Case) -> Result<(Run, Usage, Option<Account>)> {
        let observer = Observer::start(case, &self.lab, self.observer, 0)?;
        let before = [self.lab.left(0)?, self.lab.left(1)?];
        let idle = observer.usage()?;
        let run = workload.run(&self.lab, self.cpu, self.time)?;
        let mut used = observer.usage()?;
        used.cpu_ns = used.cpu_ns.saturating_sub(idle.cpu_ns);
        let buffers = [self.lab.left(0)?.since(before[0]), self.lab.left(1)?.since(before[1])];
        let account = observer.stop(&Sent::new(workload, &run, buffers)?)?;
        Ok((run, used, account))
    }

    /// A flood in which the kernel times every run of a program, which itself costs time: not part of the rounds.
    fn program_runs(&self) -> Result<Vec<(Case, ProgramRun)>> {
        let _statistics = bpf::enable_statistics()?;
        let mut all = Vec::new();
        for case in Case::TIMED {
            interrupt::check()?;
            let observer = Observer::start(case, &self.lab, self.observer, 0)?;
            Workload::Discard.run(&self.lab, self.cpu, self.time)?;
            let pid = observer.pid().context("no process holds the programs")?;
            all.extend(program_runs::of(pid)?.into_iter().map(|program| (case, program)));
        }
        Ok(all)
    }
}
