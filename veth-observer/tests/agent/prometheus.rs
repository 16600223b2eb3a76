//! Prometheus itself scrapes a server, and gives back what it has stored.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
};

use super::{
    Agent,
    client::{curled, sample},
    fake,
};
use crate::support::netns::{Background, eventually};

/// A Prometheus of the test's own, gone with the value.
pub(super) struct Prometheus {
    _process: Background,
    folder: PathBuf,
    address: SocketAddr,
}

impl Prometheus {
    pub(super) fn scraping(target: SocketAddr, native: bool) -> Self {
        Self::with_rules(target, native, &[] as &[&Path])
    }

    /// That also evaluates the rules of these files.
    pub(super) fn with_rules(target: SocketAddr, native: bool, rules: &[impl AsRef<Path>]) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let folder =
            std::env::temp_dir().join(format!("vo-prometheus-{}-{}", std::process::id(), address.port()));
        fs::create_dir(&folder).unwrap();
        let config = folder.join("prometheus.yml");
        let rules: Vec<_> = rules.iter().map(AsRef::as_ref).collect();
        let jobs = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\nrule_files: {rules:?}\n\
             scrape_configs:\n- job_name: veth\n  static_configs:\n  - targets: ['{target}']\n"
        );
        fs::write(&config, jobs).unwrap();
        let log = fs::File::create(folder.join("log")).unwrap();
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(native.then_some("--enable-feature=native-histograms"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let this = Self { _process: Background::start(&mut command), folder, address };
        eventually("the first scrape is stored", || this.value("up").is_some_and(|up| up > 0.5));
        this
    }

    fn ask(&self, path: &str, args: &[&str]) -> Option<serde_json::Value> {
        let url = format!("http://{}/api/v1/{path}", self.address);
        let (code, text) = super::client::curl(&[&["--get", &url], args].concat());
        let (_, body) = text.split_once("\r\n\r\n").filter(|_| code == Some(0))?;
        serde_json::from_str(body).ok()
    }

    /// The series that a query gives: labels and value, or the count of a histogram.
    pub(super) fn query(&self, query: &str) -> Vec<(serde_json::Value, f64)> {
        let answer = self.ask("query", &["--data-urlencode", &format!("query={query}")]).unwrap_or_default();
        let Some(series) = answer["data"]["result"].as_array() else { return Vec::new() };
        let value = |series: &serde_json::Value| {
            let value = series["value"][1].as_str().or_else(|| series["histogram"][1]["count"].as_str());
            (series["metric"].clone(), value.unwrap().parse().unwrap())
        };
        series.iter().map(value).collect()
    }

    /// Rules that could not be evaluated.
    pub(super) fn unhealthy_rules(&self) -> Vec<String> {
        let answer = self.ask("rules", &[]).expect("an answer");
        let groups = answer["data"]["groups"].as_array().expect("groups");
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().expect("rules"));
        rules.filter(|rule| rule["health"] != "ok").map(ToString::to_string).collect()
    }

    /// The value of a query that gives one series; none while it gives none.
    pub(super) fn value(&self, query: &str) -> Option<f64> {
        let series = self.query(query);
        assert!(series.len() <= 1, "{query}: {series:?}");
        series.first().map(|(_, value)| *value)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", fs::read_to_string(self.folder.join("log")).unwrap_or_default());
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[track_caller]
fn assert_near(what: &str, got: Option<f64>, exact: f64, ratio: f64) {
    let got = got.unwrap_or_else(|| panic!("{what}: nothing"));
    assert!((got - exact).abs() <= exact.abs() * ratio, "{what}: {got}, exactly {exact}");
}

#[expect(clippy::cast_precision_loss, reason = "the numbers of these tests are small")]
fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

/// As its percentiles from the native histogram are within half a bucket of the exact ones: 2^(1/16) - 1, and a hair for
/// what fell on a bound, and within a bucket where Prometheus places it inside: 2^(1/8) is two of these.
const HALF_A_BUCKET: f64 = 0.0451;

#[test]
fn it_stores_native_histograms_and_gives_back_what_was_counted() {
    let agent = Agent::start(fake::one);
    let prometheus = Prometheus::scraping(agent.address(), true);
    let way = r#"{pair="web",direction="to_peer"}"#;
    let value = |name: &str| prometheus.value(&format!("{name}{way}"));
    for (name, exact) in [
        ("veth_frames_sent_total", 697.0),
        ("veth_frames_received_total", 690.0),
        ("veth_sent_bytes_total", 9_007_199_254_740_000.0),
        ("veth_skbs_sent_total", 27.0),
        ("veth_frames_lost_total", 1.0),
        ("veth_frames_unexplained", -1.0),
        ("veth_frames_in_flight", 1.0),
    ] {
        assert_eq!(value(name), Some(exact), "{name}");
    }
    let mut delays = fake::delays();
    delays.sort_unstable();
    let histogram = format!("veth_one_way_delay_seconds{way}");
    let count = delays.len() as u64;
    assert_near(
        "count",
        prometheus.value(&format!("histogram_count({histogram})")),
        seconds(count) * 1e9,
        0.0,
    );
    let sum = seconds(delays.iter().sum());
    assert_near("sum", prometheus.value(&format!("histogram_sum({histogram})")), sum, 1e-15);
    let buckets = fake::distribution(&delays);
    for (share, permille) in [(0.5, 500), (0.9, 900), (0.99, 990), (0.999, 999)] {
        let exact = seconds(delays[delays.len() * permille / 1000]);
        let got = prometheus.value(&format!("histogram_quantile({share}, {histogram})"));
        assert_near(&format!("p{permille}"), got, exact, 2.0 * HALF_A_BUCKET);
        // Ours is the middle of the bucket; Prometheus lies somewhere in the same.
        let ours = seconds(buckets.quantile(share).unwrap());
        assert_near(&format!("p{permille} and ours"), got, ours, HALF_A_BUCKET);
    }
    let info = prometheus.query("veth_pair_info * on (instance, pair) group_left () veth_pair_up");
    assert_eq!(
        (info.len(), &info[0].0["device"], &info[0].0["peer_device"]),
        (1, &"veth1a2b".into(), &"eth0".into())
    );
    assert!(
        prometheus.query("veth_one_way_delay_seconds_bucket").is_empty(),
        "native ones take the place of classic ones"
    );
}

#[test]
fn without_native_histograms_it_stores_the_classic_ones() {
    let agent = Agent::start(fake::one);
    let prometheus = Prometheus::scraping(agent.address(), false);
    let delays = fake::delays();
    let text = curled(&[&agent.url("/metrics")]).body;
    let buckets = prometheus.query(r#"veth_one_way_delay_seconds_bucket{pair="web",direction="to_peer"}"#);
    assert_eq!(buckets.len(), 30);
    for (labels, got) in buckets {
        let le = labels["le"].as_str().unwrap();
        let bound = if le == "+Inf" { f64::INFINITY } else { le.parse().unwrap() };
        let upto = |bound: f64| delays.iter().filter(|ns| seconds(**ns) <= bound).count();
        // A delay within a nanosecond of a bound may lie on either side of it.
        let possible = upto(bound - 1e-9)..=upto(bound + 1e-9);
        assert!(possible.contains(&got.to_string().parse().unwrap()), "{le}: {got}, exactly {}", upto(bound));
        let series =
            format!(r#"veth_one_way_delay_seconds_bucket{{le="{le}",pair="web",direction="to_peer"}}"#);
        assert!((sample(&text, &series) - got).abs() < 0.5, "{le}");
    }
    let series = "count({__name__=~\"veth_.*\"})";
    assert!(prometheus.value(series).is_some_and(|count| count > 150.0));
}

#[test]
fn a_gone_pair_leaves_its_last_numbers_and_then_no_series() {
    static GONE: AtomicBool = AtomicBool::new(false);
    let agent = Agent::start(|taken| {
        let mut web = fake::pair("web");
        if GONE.load(Ordering::Relaxed) {
            web.ended = Some("veth1a2b was deleted".into());
            web.directions[0].sent.frames += 1;
        }
        fake::snapshot(taken, vec![(1, web), (2, fake::pair("db"))])
    });
    let prometheus = Prometheus::scraping(agent.address(), true);
    let series = r#"veth_frames_sent_total{pair="web",direction="to_peer"}"#;
    assert_eq!(prometheus.value(series), Some(697.0));
    GONE.store(true, Ordering::Relaxed);
    eventually("the series ended", || prometheus.value(series).is_none());
    let last = prometheus.value(&format!("last_over_time({series}[1m])"));
    assert_eq!(last, Some(698.0), "what it counted to its end is stored");
    assert!(prometheus.value(r#"veth_pair_up{pair="db"}"#).is_some_and(|up| up > 0.5));
}
