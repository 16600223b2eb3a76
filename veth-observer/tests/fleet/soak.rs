//! For as long as asked: pairs come, are renamed, move and go under traffic and scrapes, and nothing grows.
//!
//! `cargo xtask soak --duration 10m` runs it longer than the tests do.

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::{Agent, FRAME, Process, make, quiet};
use crate::support::netns::{Lab, apart};

/// Without VETH_OBSERVER_SOAK.
const SHORT: Duration = Duration::from_secs(20);

/// A quarter of the rounds is not judged: caches fill, and what ended of late is remembered for two minutes.
const WARM_UP: usize = 4;

/// However long that takes.
const ROUNDS: usize = 10;

/// What is watched when no pair is under way, and by how much a trend may raise it from the end of the warm-up to the end: a
/// block of pairs that is just being given back is no growth.
const WATCHED: [(&str, f64); 7] = [
    ("resident, KiB", 12.0 * 1024.0),
    ("files", 12.0),
    ("threads", 4.0),
    ("BPF maps", 9.0),
    ("BPF programs", 1.0),
    ("BPF links", 4.0),
    ("pinned for itself", 20.0),
];

/// Pairs that stay, and pairs of a round.
const STABLE: usize = 3;
const ROUND: usize = 5;

struct Look {
    at: Duration,
    values: [f64; WATCHED.len()],
}

#[test]
fn nothing_grows() {
    if !apart("fleet::soak::nothing_grows") {
        return;
    }
    let length = env::var("VETH_OBSERVER_SOAK")
        .map_or(SHORT, |length| humantime::parse_duration(&length).expect("a duration such as 10m"));
    let lab = &quiet(3);
    make(lab, 90..90 + STABLE);
    let socket = env::temp_dir().join(format!("vo-soak-{}.sock", std::process::id()));
    let agent = &Agent::start(lab, &["--web.listen-address", &format!("unix:{}", socket.display())]);
    agent.observing(STABLE);
    let (done, sent) = (&AtomicBool::new(false), &AtomicU64::new(0));
    let looks = thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                lab.send_frames(0, "p90", &FRAME, 100);
                sent.fetch_add(100, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
            }
        });
        scope.spawn(|| scrape(&socket, done));
        let (began, mut looks) = (Instant::now(), Vec::new());
        while began.elapsed() < length || looks.len() < ROUNDS {
            churn(lab, agent, looks.len() as u64);
            looks.push(Look { at: began.elapsed(), values: at_rest(agent.process()) });
        }
        done.store(true, Ordering::Relaxed);
        looks
    });
    let sent = sent.load(Ordering::Relaxed);
    let report = agent.report("all frames", |report| report.count("p90", "/received/frames") == Some(sent));
    let direction = report.from("p90").unwrap();
    for nothing in ["in_flight", "lost", "unexplained", "unmatched"] {
        assert_eq!(direction[nothing], 0, "{nothing}: {direction:#}");
    }
    // The agent is killed with the test.
    fs::remove_file(&socket).unwrap();
    judge(&looks);
}

/// Pairs come, one of them is renamed, another moves, and all go.
fn churn(lab: &Lab, agent: &Agent, round: u64) {
    make(lab, 0..ROUND);
    let added = STABLE as u64 + (round + 1) * ROUND as u64;
    agent.report("all pairs", |report| report.event("added") == added);
    lab.send_frames(0, "p0", &FRAME, 10);
    lab.ip(1, &["link", "set", "q1", "down"]);
    lab.ip(1, &["link", "set", "q1", "name", "other"]);
    lab.ip(1, &["link", "set", "q2", "netns", lab.name(2)]);
    agent.report("the move", |report| report.event("moved") == round + 1);
    for n in 0..ROUND {
        lab.ip(0, &["link", "del", &format!("p{n}")]);
    }
    agent.report("their end", |report| report.event("removed") == (round + 1) * ROUND as u64);
}

/// All that is served, again and again, and streams that nobody reads to their end.
fn scrape(socket: &Path, done: &AtomicBool) {
    let accepts = [
        "text/plain",
        "application/openmetrics-text",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
    ];
    for (n, path) in ["metrics", "api/v1/report", "api/v1/pairs", "metrics", "api/v1/stream"]
        .into_iter()
        .cycle()
        .enumerate()
    {
        if done.load(Ordering::Relaxed) {
            return;
        }
        let accept = format!("Accept: {}", accepts[n % accepts.len()]);
        let url = format!("http://agent/{path}");
        // A stream would never end.
        let is_stream = path.ends_with("stream");
        let patience = if is_stream { "1" } else { "10" };
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--max-time", patience, "--compressed", "--header", &accept]);
        curl.args(["--unix-socket", socket.to_str().unwrap(), &url]).stdout(Stdio::null());
        let code = curl.status().unwrap().code();
        assert_eq!(code, Some(if is_stream { 28 } else { 0 }), "{path}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// The least of each within a second: who looks around opens files for a moment.
fn at_rest(process: Process) -> [f64; WATCHED.len()] {
    let mut least = [f64::INFINITY; WATCHED.len()];
    for _ in 0..20 {
        let [maps, programs, links, threads] = process.holds();
        let numbers =
            [process.files(), threads, maps, programs, links, pinned(process)].map(|number| number as u64);
        for (least, number) in least.iter_mut().zip(std::iter::once(process.rss_kib()).chain(numbers)) {
            *least = least.min(u32::try_from(number).unwrap().into());
        }
        thread::sleep(Duration::from_millis(50));
    }
    least
}

/// Files in the BPF file systems that are mounted nowhere.
fn pinned(Process(pid): Process) -> usize {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten().map(|entry| entry.path());
    let is_root = |path: &PathBuf| fs::read_link(path).is_ok_and(|target| target.as_os_str() == "/");
    files.filter(is_root).filter_map(|path| Some(fs::read_dir(path).ok()?.count())).sum()
}

fn judge(looks: &[Look]) {
    if let Some(path) = env::var_os("VETH_OBSERVER_SOAK_CSV") {
        fs::write(path, csv(looks)).unwrap();
    }
    let judged: Vec<&Look> = looks.iter().skip(looks.len() / WARM_UP).collect();
    let mut table =
        String::from("| what | least | median | most | trend | bound |\n|---|---|---|---|---|---|\n");
    let mut grown = Vec::new();
    for (at, (what, bound)) in WATCHED.into_iter().enumerate() {
        let mut values: Vec<f64> = judged.iter().map(|look| look.values[at]).collect();
        let points: Vec<(f64, f64)> =
            judged.iter().map(|look| (look.at.as_secs_f64(), look.values[at])).collect();
        let trend = slope(&points) * (points[points.len() - 1].0 - points[0].0);
        values.sort_unstable_by(f64::total_cmp);
        let [least, median, most] = [0, values.len() / 2, values.len() - 1].map(|at| values[at]);
        let _ = writeln!(table, "| {what} | {least} | {median} | {most} | {trend:+.1} | {bound} |");
        if trend > bound {
            grown.push(what);
        }
    }
    eprintln!("{} rounds of {ROUND} pairs in {:?}\n\n{table}", looks.len(), looks[looks.len() - 1].at);
    assert!(grown.is_empty(), "{grown:?} grew:\n{table}");
}

/// By Theil and Sen: the median of the slopes between all points, which a few wild ones do not change.
fn slope(points: &[(f64, f64)]) -> f64 {
    let pairs = points
        .iter()
        .enumerate()
        .flat_map(|(at, one)| points[at + 1..].iter().map(move |other| (one, other)));
    let mut slopes: Vec<f64> = pairs.map(|(one, other)| (other.1 - one.1) / (other.0 - one.0)).collect();
    slopes.sort_unstable_by(f64::total_cmp);
    slopes[slopes.len() / 2]
}

fn csv(looks: &[Look]) -> String {
    let mut csv = "seconds,rss_kib,files,threads,maps,programs,links,pinned\n".to_owned();
    for look in looks {
        let values: Vec<String> = look.values.iter().map(ToString::to_string).collect();
        let _ = writeln!(csv, "{:.1},{}", look.at.as_secs_f64(), values.join(","));
    }
    csv
}

#[test]
fn a_trend_is_told_from_noise() {
    let noise = |n: u32| f64::from(n * 7919 % 13);
    let course = |growth: f64| -> Vec<(f64, f64)> {
        (0..200).map(|n| (f64::from(n), 100.0 + noise(n) + growth * f64::from(n))).collect()
    };
    assert!(slope(&course(0.0)).abs() < 0.01);
    assert!((slope(&course(0.5)) - 0.5).abs() < 0.01);
}
