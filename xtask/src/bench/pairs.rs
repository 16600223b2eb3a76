//! What it takes to begin and to end observing many pairs at once, beside what the kernel takes for their hooks alone.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    os::fd::OwnedFd,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::Value;

use super::{
    bpf, interrupt,
    lab::{inside, ip},
    machine::Machine,
};
use crate::command::read;

const SIZES: &[usize] = &[1, 10, 100, 1000];
const QUICK: &[usize] = &[1, 10];

/// Over tcx a pair lets go of its programs, which their links hold; over clsact it keeps them.
const FILES: &str = "observer, clsact: more open files than the limit";

/// One line of `pairs.csv`: a number of pairs and what was done with them.
#[derive(Debug)]
struct Row {
    pairs: usize,
    what: &'static str,
    /// Milliseconds, KiB and numbers of files by the names in [`COLUMNS`].
    values: Value,
}

/// Columns by their name in a row, and their heading.
const COLUMNS: [(&str, &str); 9] = [
    ("start_ms", "attach, ms"),
    ("detach_ms", "detach, ms"),
    ("read_ms", "read all, ms"),
    ("rss_kib", "resident, KiB"),
    ("files", "open files"),
    ("start_cpu_ms", "CPU to attach, ms"),
    ("open_ms", "maps, ms"),
    ("verify_ms", "verifier, ms"),
    ("attach_ms", "hooks, ms"),
];

/// Measures, writes `pairs.csv` and `pairs.md` into the folder, and gives the table.
pub(super) fn measure(
    machine: &Machine,
    many: &Path,
    folder: &Path,
    quick: bool,
    expedite: bool,
) -> Result<String> {
    allow_many_files()?;
    let _expedited = expedite.then(Expedited::new).transpose()?;
    let mut rows = Vec::new();
    for &pairs in if quick { QUICK } else { SIZES } {
        let crowd = Crowd::new(pairs)?;
        interrupt::check()?;
        rows.push(Row { pairs, what: "empty programs", values: crowd.bare()? });
        for (what, method) in [("observer, tcx", "tcx"), ("observer, clsact", "clsact")] {
            interrupt::check()?;
            rows.push(match read(Command::new(many).args(&crowd.names).arg(method)) {
                Ok(printed) => {
                    let values: Value = serde_json::from_str(&printed)?;
                    ensure!(values["pairs"] == pairs, "asked to observe {pairs} pairs: {printed}");
                    Row { pairs, what, values }
                }
                // The limit of this machine, raised as far as it goes.
                Err(error) if method == "clsact" && error.to_string().contains("os error 24") => {
                    Row { pairs, what: FILES, values: Value::Null }
                }
                Err(error) => return Err(error),
            });
        }
        println!("{pairs} pairs done");
    }
    let table = table(&rows);
    fs::create_dir_all(folder)?;
    fs::write(folder.join("pairs.csv"), csv(&rows))?;
    fs::write(folder.join("pairs.md"), page(machine, expedite, &table))?;
    Ok(table)
}

/// Two namespaces with pairs between them, deleted with the value. The pairs are down: nothing passes.
pub(super) struct Crowd {
    pub(super) names: [String; 2],
    pub(super) pairs: usize,
}

impl Crowd {
    pub(super) fn new(pairs: usize) -> Result<Self> {
        let names = ["near", "far"].map(|end| format!("vob-{}-{end}s", std::process::id()));
        let crowd = Self { names, pairs };
        for name in &crowd.names {
            ip(&["netns", "add", name])?;
        }
        let [near, far] = &crowd.names;
        let mut batch = Command::new("ip").args(["-n", near, "-batch", "-"]).stdin(Stdio::piped()).spawn()?;
        let mut lines = batch.stdin.take().context("no standard input")?;
        for pair in 0..pairs {
            writeln!(lines, "link add va{pair} type veth peer name vb{pair} netns {far}")?;
        }
        drop(lines);
        ensure!(batch.wait()?.success(), "cannot make {pairs} pairs");
        Ok(crowd)
    }

    /// The same hooks with programs that do nothing, one after the other: the least that any observer can take.
    fn bare(&self) -> Result<Value> {
        let programs = [bpf::load_empty("vob_ingress")?, bpf::load_empty("vob_egress")?];
        let mut links = Vec::new();
        let start = Instant::now();
        for name in &self.names {
            let ends = ends(name)?;
            links.extend(inside(name, || hooks(&programs, &ends))?);
        }
        let start_ms = millis(start);
        let detach = Instant::now();
        drop(links);
        Ok(serde_json::json!({ "start_ms": start_ms, "detach_ms": millis(detach) }))
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = Command::new("ip").args(["netns", "del", name]).stderr(Stdio::null()).status();
        }
    }
}

/// Indices of the ends in a namespace.
fn ends(namespace: &str) -> Result<Vec<u32>> {
    let links: Vec<Value> =
        serde_json::from_str(&ip(&["-j", "-n", namespace, "link", "show", "type", "veth"])?)?;
    let index = |link: &Value| u32::try_from(link["ifindex"].as_u64()?).ok();
    links.iter().map(|link| index(link).context("ip shows no ifindex")).collect()
}

fn hooks(programs: &[OwnedFd; 2], ends: &[u32]) -> Result<Vec<OwnedFd>> {
    let mut links = Vec::new();
    for (program, kind) in programs.iter().zip([bpf::TCX_INGRESS, bpf::TCX_EGRESS]) {
        for &ifindex in ends {
            interrupt::check()?;
            links.push(bpf::attach(program, ifindex, kind)?);
        }
    }
    Ok(links)
}

pub(super) fn allow_many_files() -> Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).context("cannot raise the number of open files")
}

/// Short grace periods of RCU for the whole machine, which is for measuring only; as before with the value.
struct Expedited(String);

const EXPEDITED: &str = "/sys/kernel/rcu_expedited";

impl Expedited {
    fn new() -> Result<Self> {
        let before =
            fs::read_to_string(EXPEDITED).context("this kernel has no switch for short grace periods")?;
        let this = Self(before);
        fs::write(EXPEDITED, "1")?;
        Ok(this)
    }
}

impl Drop for Expedited {
    fn drop(&mut self) {
        if let Err(error) = fs::write(EXPEDITED, &self.0) {
            eprintln!("cannot put {EXPEDITED} back to {}: {error}", self.0.trim());
        }
    }
}

impl Row {
    fn value(&self, column: &str) -> Option<f64> {
        self.values[column]
            .as_f64()
            .or_else(|| self.values["phases_ms"][column.strip_suffix("_ms")?].as_f64())
    }
}

fn csv(rows: &[Row]) -> String {
    let mut csv = "pairs,what".to_owned();
    csv.extend(COLUMNS.map(|(name, _)| [",", name].concat()));
    csv.push('\n');
    for row in rows {
        let _ = write!(csv, "{},\"{}\"", row.pairs, row.what);
        for (name, _) in COLUMNS {
            let _ = write!(csv, ",{}", row.value(name).map(|value| value.to_string()).unwrap_or_default());
        }
        csv.push('\n');
    }
    csv
}

fn table(rows: &[Row]) -> String {
    let mut table = "| pairs | what |".to_owned();
    table.extend(COLUMNS.map(|(_, heading)| [" ", heading, " |"].concat()));
    let _ = writeln!(table, "\n|---|---|{}", "---|".repeat(COLUMNS.len()));
    for row in rows {
        let _ = write!(table, "| {} | {} |", row.pairs, row.what);
        for (name, _) in COLUMNS {
            let shown = row
                .value(name)
                .map(|value| if value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") });
            let _ = write!(table, " {} |", shown.unwrap_or_default());
        }
        table.push('\n');
    }
    table
}

fn page(machine: &Machine, expedited: bool, table: &str) -> String {
    let grace = if expedited { "\nWith `rcu_expedited` set, which observing never does.\n" } else { "" };
    format!("# Many pairs: {}\n\n{}\n{grace}\n{table}", machine.heading(), machine.provenance("pairs"))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn millis(since: Instant) -> f64 {
    since.elapsed().as_micros() as f64 / 1e3
}
