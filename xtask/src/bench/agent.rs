//! What an agent takes: at rest over a hundred pairs, with somebody who watches, and to be scraped over a thousand.

use std::{
    fmt::Write as _,
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use super::{
    interrupt,
    lab::Background,
    machine::Machine,
    pairs::{Crowd, allow_many_files},
    statistics::median,
    usage::Usage,
};

/// How much of what is measured, in full and when only seeing whether it all works.
struct Extent {
    /// Pairs at rest, how often they are looked at, and for how long each time.
    resting: usize,
    rests: usize,
    rest: Duration,
    /// Pairs that are scraped, and how often in each format.
    scraped: usize,
    scrapes: usize,
}

const FULL: Extent =
    Extent { resting: 100, rests: 3, rest: Duration::from_mins(1), scraped: 1000, scrapes: 30 };
const QUICK: Extent = Extent { resting: 2, rests: 1, rest: Duration::from_secs(1), scraped: 4, scrapes: 2 };

/// What Prometheus asks for, compressed as it does, and what the page asks for.
const FORMATS: [(&str, &str, &str); 4] = [
    ("text", "/metrics", "text/plain;version=0.0.4"),
    ("OpenMetrics", "/metrics", "application/openmetrics-text;version=1.0.0"),
    (
        "protobuf",
        "/metrics",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
    ),
    ("report", "/api/v1/report", "application/json"),
];

/// A little longer than one reading of the counters is good for.
const PAUSE: Duration = Duration::from_millis(150);

/// Until all pairs are attached to.
const READY: Duration = Duration::from_mins(10);

/// One line of `agent.csv`.
#[derive(Debug)]
struct Row {
    what: &'static str,
    pairs: usize,
    round: usize,
    /// Of one CPU, at rest.
    share: Option<f64>,
    /// From the request to the last byte of the answer, and how many bytes.
    scrape: Option<(f64, usize)>,
    rss_kib: u64,
}

/// Measures, writes `agent.csv` and `agent.md` into the folder, and gives the tables.
pub(super) fn measure(machine: &Machine, observer: &Path, folder: &Path, quick: bool) -> Result<String> {
    allow_many_files()?;
    let extent = if quick { QUICK } else { FULL };
    let mut rows = rests(observer, &extent)?;
    rows.extend(scrapes(observer, &extent)?);
    let tables = tables(&rows)?;
    fs::create_dir_all(folder)?;
    fs::write(folder.join("agent.csv"), csv(&rows))?;
    let title = format!("# The agent: {}\n\n{}", machine.heading(), machine.provenance("agent"));
    fs::write(folder.join("agent.md"), format!("{title}\n\n{tables}"))?;
    Ok(tables)
}

fn rests(observer: &Path, extent: &Extent) -> Result<Vec<Row>> {
    let crowd = Crowd::new(extent.resting)?;
    let agent = Agent::start(observer, &crowd)?;
    let mut rows = Vec::new();
    for round in 0..extent.rests {
        for what in ["at rest", "one stream"] {
            let stream = (what == "one stream").then(|| agent.stream()).transpose()?;
            interrupt::check()?;
            let (before, began) = (agent.usage()?, Instant::now());
            thread::sleep(extent.rest);
            let (after, took) = (agent.usage()?, began.elapsed());
            drop(stream);
            let used = Duration::from_nanos(after.cpu_ns.saturating_sub(before.cpu_ns));
            let share = Some(used.as_secs_f64() / took.as_secs_f64());
            rows.push(Row {
                what,
                pairs: extent.resting,
                round,
                share,
                scrape: None,
                rss_kib: after.rss_kib,
            });
        }
    }
    println!("an agent at rest over {} pairs done", extent.resting);
    Ok(rows)
}

fn scrapes(observer: &Path, extent: &Extent) -> Result<Vec<Row>> {
    let crowd = Crowd::new(extent.scraped)?;
    let agent = Agent::start(observer, &crowd)?;
    let mut rows = Vec::new();
    for round in 0..extent.scrapes {
        for (what, path, accept) in FORMATS {
            interrupt::check()?;
            thread::sleep(PAUSE);
            let began = Instant::now();
            let answer = agent.get(path, &[&format!("Accept: {accept}"), "Accept-Encoding: gzip"])?;
            let took = began.elapsed().as_secs_f64() * 1e3;
            ensure!(answer.starts_with(b"HTTP/1.1 200 "), "{path} as {what} was refused");
            let (pairs, rss_kib) = (extent.scraped, agent.usage()?.rss_kib);
            rows.push(Row { what, pairs, round, share: None, scrape: Some((took, answer.len())), rss_kib });
        }
    }
    println!("scrapes of {} pairs done", extent.scraped);
    Ok(rows)
}

/// One that observes a crowd, and is ready.
struct Agent {
    process: Background,
    address: SocketAddr,
}

impl Agent {
    fn start(observer: &Path, crowd: &Crowd) -> Result<Self> {
        // Free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new(observer);
        command.args(["agent", "--pairs", &format!("netns:{}/*", crowd.names[0])]);
        command.args(["--web.listen-address", &address.to_string()]);
        let agent = Self { process: Background::start(&mut command, "serving on ")?, address };
        let deadline = Instant::now() + READY;
        while !agent.get("/readyz", &[])?.starts_with(b"HTTP/1.1 200 ") {
            interrupt::check()?;
            ensure!(Instant::now() < deadline, "the agent is not ready after {READY:?}");
            thread::sleep(PAUSE);
        }
        let text = String::from_utf8(agent.get("/metrics", &[])?).context("the metrics are no text")?;
        let listed = text.lines().filter(|line| line.starts_with("veth_pair_info{")).count();
        ensure!(listed == crowd.pairs, "{listed} of {} pairs are observed", crowd.pairs);
        Ok(agent)
    }

    fn usage(&self) -> Result<Usage> {
        Usage::of(self.process.pid())
    }

    fn ask(&self, path: &str, headers: &[&str]) -> Result<TcpStream> {
        let mut stream = TcpStream::connect(self.address)?;
        let headers: String = headers.iter().flat_map(|header| [header, "\r\n"]).collect();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n")?;
        Ok(stream)
    }

    /// Head and body as they come.
    fn get(&self, path: &str, headers: &[&str]) -> Result<Vec<u8>> {
        let mut answer = Vec::new();
        self.ask(path, headers)?.read_to_end(&mut answer)?;
        Ok(answer)
    }

    /// Somebody who takes the reports of each second until dropped.
    fn stream(&self) -> Result<Stream> {
        let socket = self.ask("/api/v1/stream", &[])?;
        let mut reader = socket.try_clone()?;
        let thread =
            thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()).unwrap_or_default());
        Ok(Stream { socket, thread: Some(thread) })
    }
}

struct Stream {
    socket: TcpStream,
    thread: Option<thread::JoinHandle<u64>>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn csv(rows: &[Row]) -> String {
    let mut csv = "what,pairs,round,cpu_share,scrape_ms,bytes,rss_kib\n".to_owned();
    for Row { what, pairs, round, share, scrape, rss_kib } in rows {
        let share = share.map(|share| format!("{share:.6}")).unwrap_or_default();
        let scrape = scrape.map_or_else(|| ",".to_owned(), |(ms, bytes)| format!("{ms:.3},{bytes}"));
        let _ = writeln!(csv, "{what},{pairs},{round},{share},{scrape},{rss_kib}");
    }
    csv
}

fn tables(rows: &[Row]) -> Result<String> {
    let mut text =
        "| at rest | pairs | CPU, median | worst | resident, most |\n|---|---|---|---|---|\n".to_owned();
    for what in ["at rest", "one stream"] {
        let of: Vec<&Row> = rows.iter().filter(|row| row.what == what).collect();
        let shares: Vec<f64> = of.iter().filter_map(|row| Some(row.share? * 100.0)).collect();
        let (middle, worst) = summary(&shares)?;
        let _ = writeln!(
            text,
            "| {what} | {} | {middle:.2} % of one | {worst:.2} % | {} MiB |",
            of[0].pairs,
            resident(&of)
        );
    }
    text.push_str(
        "\n| scrape, gzip | pairs | median | worst | bytes | resident, most |\n|---|---|---|---|---|---|\n",
    );
    for (what, ..) in FORMATS {
        let of: Vec<&Row> = rows.iter().filter(|row| row.what == what).collect();
        let (times, bytes): (Vec<f64>, Vec<usize>) = of.iter().filter_map(|row| row.scrape).unzip();
        let (middle, worst) = summary(&times)?;
        let most = bytes.iter().max().context("no bytes")?;
        let _ = writeln!(
            text,
            "| {what} | {} | {middle:.0} ms | {worst:.0} ms | {most} | {} MiB |",
            of[0].pairs,
            resident(&of)
        );
    }
    Ok(text)
}

/// Median and worst; fails when there is no number.
fn summary(values: &[f64]) -> Result<(f64, f64)> {
    let middle = median(values.to_vec()).context("nothing was measured")?;
    Ok((middle, values.iter().copied().fold(0.0, f64::max)))
}

fn resident(rows: &[&Row]) -> u64 {
    rows.iter().map(|row| row.rss_kib).max().unwrap_or_default().div_ceil(1024)
}
