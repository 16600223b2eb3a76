//! The rows as CSV, and what follows from them as Markdown.

use std::{fmt::Write as _, fs, os::unix::fs::chown, path::Path, time::Duration};

use anyhow::{Result, ensure};

use super::{
    account::Account,
    cases::Case,
    comparison::{Measure, Rows},
    machine::Machine,
    program_runs::ProgramRun,
    sampling,
    statistics::Estimate,
    workloads::Workload,
};

pub(super) struct Results {
    pub(super) machine: Machine,
    pub(super) workloads: &'static [Workload],
    pub(super) cases: Vec<Case>,
    pub(super) notes: Vec<String>,
    pub(super) rounds: usize,
    pub(super) time: Duration,
    pub(super) rows: Rows,
    pub(super) programs: Vec<(Case, ProgramRun)>,
}

impl Results {
    /// Fails when a number is missing or is none: a benchmark that rots does so silently.
    pub(super) fn complete(&self) -> Result<()> {
        for &workload in self.workloads {
            for case in self.cases_of(workload) {
                for measure in measures(workload) {
                    let ratio = self.rows.ratio(workload, case, measure);
                    ensure!(
                        ratio.is_some_and(|ratio| ratio.median.is_finite() && ratio.median > 0.0),
                        "no {measure:?} of {} under {}: {ratio:?}",
                        workload.name(),
                        case.name()
                    );
                }
            }
        }
        for case in Case::TIMED {
            // The flood goes one way: a program at egress of the near end, and one at ingress of the far.
            let programs = self.programs.iter().filter(|(timed, _)| *timed == case).count();
            ensure!(programs >= 2, "the kernel timed only these programs: {:?}", self.programs);
        }
        Ok(())
    }

    fn cases_of(&self, workload: Workload) -> impl Iterator<Item = Case> {
        self.cases.iter().copied().filter(move |case| case.is_for(workload))
    }

    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("raw.csv"), self.csv())?;
        Ok(fs::write(folder.join("summary.md"), self.summary())?)
    }

    pub(super) fn headline(&self) -> String {
        self.table(Workload::Flood) + "\n" + &sampling::accounts(&self.rows, &self.cases)
    }

    fn csv(&self) -> String {
        let mut csv = "round,position,workload,case,units,unit,elapsed_ns,cpu_ns,p50_ns,\
                       rate_units_per_s,cpu_ns_per_unit,observer_cpu_ns,observer_rss_kib,\
                       passed,taken,left_out,lost\n"
            .to_owned();
        for row in &self.rows.0 {
            let run = &row.run;
            let p50 = if run.p50_ns == 0 { String::new() } else { run.p50_ns.to_string() };
            let account = row.account.map_or_else(
                || ",,,".to_owned(),
                |Account { passed, taken, left_out, lost }| format!("{passed},{taken},{left_out},{lost}"),
            );
            let _ = writeln!(
                csv,
                "{},{},{},{},{},{},{},{},{p50},{:.0},{:.4},{},{},{account}",
                row.round,
                row.position,
                row.workload.name(),
                row.case.name(),
                run.units,
                row.workload.unit(),
                run.elapsed_ns,
                run.cpu_ns,
                Measure::Rate.of(row),
                Measure::Cpu.of(row),
                row.observer.cpu_ns,
                row.observer.rss_kib,
            );
        }
        csv
    }

    fn summary(&self) -> String {
        let Machine { kernel, cpu, cpus, date, time, version, commit } = &self.machine;
        let mut text = format!(
            "# {date}, Linux {kernel}, {cpu}\n\n\
             {version}, commit {commit}. {cpus} CPUs. Began {time} UTC. {} rounds of {} ms a run, \
             load on CPU {}, observers on CPU 0. Written by `cargo xtask bench`; how to read it: \
             [README](../README.md).\n",
            self.rounds,
            self.time.as_millis(),
            cpus - 1,
        );
        for note in &self.notes {
            let _ = writeln!(text, "\nNote: {note}.");
        }
        for &workload in self.workloads.iter().filter(|workload| workload.tells_cost()) {
            let of = |measure| self.rows.median(workload, Case::Nothing, measure).unwrap_or(f64::NAN);
            let (rate, cpu) = (of(Measure::Rate), of(Measure::Cpu));
            let unit = workload.unit();
            let _ = writeln!(
                text,
                "\n## {}\n\nWith nothing attached: {rate:.0} {unit}s/s, {cpu:.4} ns of CPU per {unit} (medians).\n\n{}",
                workload.name(),
                self.table(workload)
            );
        }
        text.push_str("## What sampling took\n\n");
        text.push_str("Buffers of all rounds together, at both ends of `capture`, where they arrive of `watch`, at the far end of tcpdump.\n\n");
        text.push_str(&sampling::accounts(&self.rows, &self.cases));
        text.push_str("\n## What a filter costs\n\n");
        text.push_str(&sampling::filters(&self.rows));
        text.push_str("\n## Time per program run, by the kernel's statistics\n\n");
        text.push_str("During a flood of its own to a socket that nobody reads: every frame is dropped after it has arrived, so ");
        text.push_str("that `vo_drop` runs too. The kernel's clock reads are part of every figure.\n\n");
        text.push_str("| case | program | runs | ns per run |\n|---|---|---|---|\n");
        for (case, ProgramRun { name, runs, ns_per_run }) in &self.programs {
            let _ = writeln!(text, "| {} | {name} | {runs} | {ns_per_run:.0} |", case.name());
        }
        text
    }

    fn table(&self, workload: Workload) -> String {
        let last = match workload {
            Workload::Flood | Workload::Discard | Workload::Blast | Workload::Steady => {
                ("added ns of CPU per frame", Measure::Cpu)
            }
            Workload::PingPong => ("added ns at p50", Measure::P50),
            Workload::Bulk => ("added ns of CPU per byte", Measure::Cpu),
        };
        let mut table = "| case |".to_owned();
        for measure in measures(workload) {
            let _ = write!(table, " {}, ratio |", measure_name(measure, workload));
        }
        let (what, measure) = last;
        let _ = write!(
            table,
            " {what} | over the floor | with the observer's own CPU | its CPU | its MiB |\n|---|"
        );
        table.push_str(&"---|".repeat(measures(workload).len() + 5));
        table.push('\n');
        let digits = if workload == Workload::Bulk { 4 } else { 0 };
        for case in self.cases_of(workload) {
            let _ = write!(table, "| {} |", case.name());
            for measure in measures(workload) {
                let _ = write!(table, " {} |", shown(self.rows.ratio(workload, case, measure), 3));
            }
            let added = shown(self.rows.added(workload, case, measure), digits);
            let over = match case {
                Case::Nothing | Case::Control | Case::Floor => String::new(),
                _ => shown(self.rows.over(workload, case, Case::Floor, measure), digits),
            };
            let _ = writeln!(table, " {added} | {over} | {} |", self.process(workload, case, digits));
        }
        table
    }

    /// What the observer adds with its own process, and what that process takes; empty cells where there is none.
    fn process(&self, workload: Workload, case: Case, digits: usize) -> String {
        let (Some(share), Some(kib)) = self.rows.usage(workload, case) else { return " |  | ".into() };
        if kib == 0.0 {
            return " |  | ".into();
        }
        let all = shown(self.rows.added(workload, case, Measure::AllCpu), digits);
        format!("{all} | {:.1} % | {:.0}", share * 100.0, kib / 1024.0)
    }
}

fn measures(workload: Workload) -> Vec<Measure> {
    match workload {
        Workload::PingPong => vec![Measure::Rate, Measure::P50, Measure::Cpu],
        _ => vec![Measure::Rate, Measure::Cpu],
    }
}

fn measure_name(measure: Measure, workload: Workload) -> String {
    match measure {
        Measure::Rate => "rate".into(),
        Measure::Cpu | Measure::AllCpu => format!("CPU per {}", workload.unit()),
        Measure::P50 => "p50".into(),
    }
}

pub(super) fn shown(estimate: Option<Estimate>, digits: usize) -> String {
    estimate.map_or_else(String::new, |Estimate { median, low, high }| {
        format!("{median:.digits$} [{low:.digits$}, {high:.digits$}]")
    })
}

/// Files that root wrote for somebody else belong to them.
pub(super) fn give_back(folder: &Path) -> Result<()> {
    let id = |name: &str| std::env::var(name).ok().and_then(|id| id.parse::<u32>().ok());
    let Some(user) = id("SUDO_UID") else { return Ok(()) };
    chown(folder, Some(user), id("SUDO_GID"))?;
    for file in fs::read_dir(folder)? {
        chown(file?.path(), Some(user), id("SUDO_GID"))?;
    }
    Ok(())
}
