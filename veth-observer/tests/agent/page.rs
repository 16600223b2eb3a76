//! The page in a real browser: `page/browser.mjs` looks at it and touches it, and this holds the agent.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use serde_json::{Value, json};
use veth_observer::{
    agent::http::Limits,
    frame::craft::{Content, FrameSpec, Ip, Transport, craft},
    model::{
        drop::{DroppedFrame, LastDrops, Stage},
        link::Owner,
        mac::Mac,
        report::{DirectionReport, Distribution, Dropped, PairReport, SeenAt},
        snapshot::Snapshot,
    },
    view::{Style, units},
};

use super::{Agent, client::get, fake, flags};

/// Between two snapshots, as the pairs have it.
const STEP_NS: u64 = 250_000_000;

#[test]
fn a_browser_shows_what_the_agent_says() {
    let packages = packages();
    let clock = Arc::new(Clock::default());
    let mut agent = Some(start(&clock, "127.0.0.1:0"));
    let crowd = Agent::start(|taken| fake::many(taken, 500));
    let at = agent.as_ref().expect("it runs").address();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut browser = Browser::start(&[
        packages.as_os_str(),
        folder.join("src/agent/http/page").as_os_str(),
        Path::new(env!("CARGO_TARGET_TMPDIR")).as_os_str(),
        format!("http://{at}").as_ref(),
        crowd.url("").as_ref(),
    ]);
    while let Some(line) = browser.line() {
        let answer = match line.as_str() {
            "hold" => {
                clock.is_held.store(true, Ordering::Relaxed);
                written(&snapshot(clock.now())).to_string()
            }
            "stop" => {
                drop(agent.take());
                "stopped".into()
            }
            "start" => {
                clock.begin();
                drop(agent.replace(start(&clock, &at.to_string())));
                "started".into()
            }
            _ => {
                eprintln!("{line}");
                continue;
            }
        };
        browser.answer(&answer);
    }
    assert!(browser.0.wait().expect("it ends").success(), "see above what the browser found");
}

#[test]
fn files_of_the_page_are_asked_for_again_but_not_sent_again() {
    let agent = Agent::start(fake::one);
    for path in ["/", "/page/app.js", "/page/style.css", "/page/uPlot.iife.min.js"] {
        let answer = get(agent.address(), path, &[]);
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-cache")), "{path}");
        let tag = answer.header("etag").expect("a tag");
        let again = get(agent.address(), path, &[&format!("If-None-Match: {tag}")]);
        assert!(again.status == 304 && again.body.is_empty(), "{path}: {again:?}");
    }
    let report = get(agent.address(), "/api/v1/report", &[]);
    assert_eq!(report.header("cache-control"), Some("no-store"));
}

#[test]
fn histograms_have_every_frame_that_was_timed() {
    let agent = Agent::start(fake::one);
    let get = |path: &str| get(agent.address(), path, &[]);
    let report: Value = serde_json::from_str(&get("/api/v1/report").body).unwrap();
    let id = &report["pairs"][0]["id"];
    let histograms: Value = serde_json::from_str(&get(&format!("/api/v1/histograms/{id}")).body).unwrap();
    for (way, direction) in report["pairs"][0]["directions"].as_array().unwrap().iter().enumerate() {
        for times in ["delay", "variation"] {
            let bins = histograms["directions"][way][times].as_array().unwrap();
            let counted: u64 = bins.iter().map(|bin| bin["count"].as_u64().unwrap()).sum();
            assert_eq!(Some(counted), direction[times]["count"].as_u64());
        }
    }
    assert_eq!((get("/api/v1/histograms/77").status, get("/api/v1/histograms/x").status), (404, 400));
}

#[test]
fn the_last_drops_are_told_without_what_they_carried() {
    let agent = start(&Arc::default(), "127.0.0.1:0");
    let answer = get(agent.address(), "/api/v1/drops/1", &[]);
    assert!(!answer.body.contains("secret") && !answer.body.contains("hex"), "{answer:?}");
    let told: Value = serde_json::from_str(&answer.body).unwrap();
    let [there, back] = [0, 1].map(|way| &told["directions"][way]);
    let of = |way: &Value| ["dropped", "shown", "held_back", "lost"].map(|what| way[what].as_u64());
    assert_eq!((of(there), of(back)), ([Some(5), Some(5), Some(0), Some(0)], [Some(0); 4]));
    let frame = |at: usize| there["frames"][at].clone();
    assert_eq!(
        (&frame(0)["text"], &frame(1)["text"]),
        (&"10.0.0.1.4002 > 10.0.0.2.9  udp".into(), &"".into())
    );
    assert_eq!(frame(2)["transport"], json!({ "kind": "udp", "src_port": 4001, "dst_port": 9 }));
    assert_eq!(
        (&frame(2)["time"], &frame(2)["ts_ns"]),
        (&"2026-01-02T12:00:01.123456789Z".into(), &1_767_355_201_123_456_789_u64.into())
    );
    assert_eq!(get(agent.address(), "/api/v1/drops/77", &[]).status, 404);
    let none = Agent::start(fake::one);
    let none: Value = serde_json::from_str(&get(none.address(), "/api/v1/drops/1", &[]).body).unwrap();
    assert_eq!(none["directions"], json!([]), "whoever is not asked to tells of none");
}

/// The time of the pairs: goes on with each snapshot that is taken.
#[derive(Debug, Default)]
struct Clock {
    steps: AtomicU64,
    is_held: AtomicBool,
}

impl Clock {
    fn step(&self) -> u64 {
        if !self.is_held.load(Ordering::Relaxed) {
            self.steps.fetch_add(1, Ordering::Relaxed);
        }
        self.now()
    }

    fn now(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    fn begin(&self) {
        self.steps.store(0, Ordering::Relaxed);
        self.is_held.store(false, Ordering::Relaxed);
    }
}

fn start(clock: &Arc<Clock>, listen: &str) -> Agent {
    let clock = Arc::clone(clock);
    Agent::with(&flags(&[listen]), Limits::default(), move |taken| {
        let mut snapshot = snapshot(clock.step());
        snapshot.agent.taken_ns = taken;
        snapshot
    })
}

/// `web` loses frames all the time, `old` did and ended, `lone` is seen at one end, and one has a name that would do harm as
/// markup.
fn snapshot(steps: u64) -> Snapshot {
    let basket = Owner {
        runtime: Some("containerd".into()),
        pod: Some("<b>basket</b>".into()),
        namespace: Some("shop".into()),
        ..Owner::default()
    };
    let mut hostile = pair("<img src=x onerror=alert(1)>", steps, 0);
    hostile.ends[1].owner = Some(basket);
    let mut old = pair("old", 7, 3);
    old.ended = Some("veth1a2b was deleted".into());
    let mut lone = pair("lone", steps, 0);
    lone.directions[0].seen_at = SeenAt::Departure;
    lone.directions[1].seen_at = SeenAt::Arrival;
    let pairs = vec![pair("web", steps, 5), hostile, pair("db", steps, 0), old, lone];
    let of_pair = |pair: &PairReport| [last_drops(pair.directions[0].dropped_frames()), LastDrops::default()];
    let last_drops = pairs.iter().map(of_pair).collect();
    let mut snapshot = fake::snapshot(steps, (1..).zip(pairs).collect());
    snapshot.agent.last_drops = last_drops;
    snapshot
}

/// 1000 frames of 100 bytes a second one way, as many are dropped in each step as asked for.
fn pair(name: &str, steps: u64, dropped: u64) -> PairReport {
    let mut pair = fake::pair(name);
    pair.elapsed_ns = 1_000_000_000 + steps * STEP_NS;
    for end in &mut pair.ends {
        end.netns.name = Some("host".into());
    }
    let [there, back] = &mut pair.directions;
    let frames = 1000 * (1 + steps) / 4;
    there.sent = veth_observer::model::report::Traffic { skbs: frames, frames, bytes: 100 * frames };
    there.dropped[0].frames = dropped * steps;
    there.received = there.sent;
    there.received.frames -= dropped * steps;
    back.dropped.clear();
    for direction in &mut pair.directions {
        direction.lost = 0;
        let with = |times: &mut Distribution| {
            [times.p50_ns, times.p90_ns, times.p99_ns] = [0.5, 0.9, 0.99].map(|share| times.quantile(share));
        };
        with(&mut direction.delay);
        with(&mut direction.variation);
    }
    pair
}

/// A datagram, what no longer has bytes, and a name server's in a buffer of several, one after the other; of as many.
fn last_drops(dropped: u64) -> LastDrops {
    let frame = |at: u64, after_ns, frames, bytes: Vec<u8>| {
        let place = Dropped {
            stage: Stage::Qdisc,
            reason: (frames == 1).then(|| "QDISC_DROP".into()),
            location: "__dev_queue_xmit".into(),
            frames,
        };
        Arc::new(DroppedFrame { at_ns: 1_767_355_201_123_456_789 + at, after_ns, place, len: 200, bytes })
    };
    let datagram = |port: u16| {
        let ip = Ip::V4 { src: [10, 0, 0, 1].into(), dst: [10, 0, 0, 2].into() };
        let spec = FrameSpec {
            src_mac: Mac([2, 0, 0, 0, 0, 1]),
            dst_mac: Mac([2, 0, 0, 0, 0, 2]),
            vlan: None,
            content: Content::Ip(ip, Some(Transport::Udp { src: port, dst: 9 })),
            payload: b"a secret".to_vec(),
            size: Some(200),
        };
        craft(&spec, 0).unwrap()
    };
    let mut last = LastDrops::default();
    if dropped >= 5 {
        last.frames.extend([
            frame(0, 420, 1, datagram(4001)),
            frame(1_000_000, 12_345_678, 1, Vec::new()),
            frame(2_000_000_000, 2420, 3, datagram(4002)),
        ]);
        last.told.held_back = dropped - 5;
    }
    last
}

/// What the commands would write of it, and of values of all sizes.
fn written(snapshot: &Snapshot) -> Value {
    let time = |ns: Option<u64>| units::duration(ns.expect("a time"), Style { unicode: true });
    let direction = |direction: &DirectionReport| {
        if direction.whole().is_none() {
            return json!({ "loss": "–", "p50": "–", "p99": "–" });
        }
        let gone = direction.dropped_frames() + direction.lost;
        let delay = &direction.delay;
        json!({
            "loss": units::share(gone, direction.sent.frames),
            "p50": time(delay.p50_ns), "p99": time(delay.p99_ns), "max": time(delay.max_ns),
        })
    };
    let pairs = snapshot.report.pairs.iter();
    let pairs: serde_json::Map<String, Value> =
        pairs.map(|pair| (pair.pair.clone(), pair.directions.iter().map(direction).collect())).collect();
    // Halves, which are rounded to the even digit, and all sizes.
    let halves = [1_125, 1_375, 12_250, 12_350, 100_500, 101_500, 999_499, 999_500, 9_995_000, 99_950_000];
    let sizes = (0..40).map(|power| 3_u64.pow(power / 2 + 6) * 7 / 5 - 511).take_while(|ns| *ns < 1 << 40);
    let durations: Vec<Value> =
        halves.into_iter().chain(sizes).map(|ns| json!([ns, time(Some(ns))])).collect();
    let parts = [(0, 0), (0, 10), (1, 10_000_000), (2, 11_871), (1, 1600), (3, 1600), (1, 3), (7, 7)];
    let shares: Vec<Value> =
        parts.iter().map(|(part, whole)| json!([part, whole, units::share(*part, *whole)])).collect();
    json!({ "pairs": pairs, "durations": durations, "shares": shares })
}

/// Playwright, axe and uPlot as the lock file has them, installed once.
fn packages() -> PathBuf {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/agent/page");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page");
    let installed = folder.join("installed.json");
    let lock = fs::read(ours.join("package-lock.json")).unwrap();
    if fs::read(&installed).is_ok_and(|installed| installed == lock) {
        return folder;
    }
    fs::create_dir_all(&folder).unwrap();
    for name in ["package.json", "package-lock.json"] {
        fs::copy(ours.join(name), folder.join(name)).unwrap();
    }
    let npm = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&folder)
        .output()
        .expect("npm starts");
    assert!(npm.status.success(), "{}", String::from_utf8_lossy(&npm.stderr));
    fs::write(installed, lock).unwrap();
    folder
}

/// The script, ended with the value.
struct Browser(Child, BufReader<std::process::ChildStdout>);

impl Browser {
    fn start(arguments: &[&std::ffi::OsStr]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/agent/page/browser.mjs");
        let mut child = Command::new("node")
            .arg(script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe"));
        Self(child, lines)
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let is_end = self.1.read_line(&mut line).unwrap() == 0;
        (!is_end).then(|| line.trim_end().to_owned())
    }

    fn answer(&mut self, line: &str) {
        let input = self.0.stdin.as_mut().expect("a pipe");
        writeln!(input, "{line}").expect("it listens");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // SIGTERM, at which it ends its browser, while SIGKILL would leave that behind.
        if let (Ok(None), Some(pid)) =
            (self.0.try_wait(), rustix::process::Pid::from_raw(self.0.id().cast_signed()))
        {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            let _ = self.0.wait();
        }
    }
}
