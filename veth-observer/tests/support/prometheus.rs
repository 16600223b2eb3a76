//! A Prometheus of a test's own.

use std::{
    fmt::Display,
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use super::netns::{Background, within};

/// Gone with the value.
pub(crate) struct Prometheus {
    _process: Background,
    folder: PathBuf,
    address: SocketAddr,
    netns: Option<String>,
}

impl Prometheus {
    pub(crate) fn scraping(target: SocketAddr, native: bool) -> Self {
        Self::with_rules(target, native, &[] as &[&Path])
    }

    /// That also evaluates the rules of these files.
    pub(crate) fn with_rules(target: SocketAddr, native: bool, rules: &[impl AsRef<Path>]) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let rules: Vec<_> = rules.iter().map(AsRef::as_ref).collect();
        Self::start(None, address, &[target], native, &rules, "1s")
    }

    /// That scrapes each 100 ms.
    pub(crate) fn hurried(target: SocketAddr) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self::start(None, address, &[target], true, &[], "100ms")
    }

    /// In a named namespace, on loopback there.
    pub(crate) fn within(netns: &str, targets: &[impl Display]) -> Self {
        Self::start(Some(netns), (Ipv4Addr::LOCALHOST, 9090).into(), targets, true, &[], "2s")
    }

    fn start(
        netns: Option<&str>,
        address: SocketAddr,
        targets: &[impl Display],
        native: bool,
        rules: &[&Path],
        every: &str,
    ) -> Self {
        let netns = netns.map(str::to_owned);
        let name = format!("vo-prometheus-{}-{}", std::process::id(), netns.as_deref().unwrap_or_default());
        let folder = std::env::temp_dir().join(format!("{name}{}", address.port()));
        fs::create_dir(&folder).unwrap();
        let config = folder.join("prometheus.yml");
        let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
        let jobs = format!(
            "global: {{scrape_interval: {every}, scrape_timeout: {every}, evaluation_interval: 1s}}\nrule_files: {rules:?}\n\
             scrape_configs:\n- job_name: veth\n  static_configs:\n  - targets: {targets:?}\n"
        );
        fs::write(&config, jobs).unwrap();
        let log = fs::File::create(folder.join("log")).unwrap();
        let mut command = program("prometheus", netns.as_deref());
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(native.then_some("--enable-feature=native-histograms"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let this = Self { _process: Background::start(&mut command), folder, address, netns };
        let count = targets.len();
        within(Duration::from_secs(30), "the first scrapes are stored", || {
            this.query("up").iter().filter(|(_, up)| *up > 0.5).count() == count
        });
        this
    }

    fn ask(&self, path: &str, args: &[&str]) -> Option<Value> {
        let url = format!("http://{}/api/v1/{path}", self.address);
        let mut curl = program("curl", self.netns.as_deref());
        curl.args(["--silent", "--max-time", "10", "--noproxy", "*", "--get", &url]).args(args);
        let output = curl.output().expect("curl runs");
        serde_json::from_slice(&output.stdout).ok().filter(|_| output.status.success())
    }

    /// The series that a query gives: labels and value, or the count of a histogram.
    pub(crate) fn query(&self, query: &str) -> Vec<(Value, f64)> {
        let answer = self.ask("query", &["--data-urlencode", &format!("query={query}")]).unwrap_or_default();
        assert_ne!(answer["status"], "error", "{query}: {answer}");
        let Some(series) = answer["data"]["result"].as_array() else { return Vec::new() };
        let value = |series: &Value| {
            let value = series["value"][1].as_str().or_else(|| series["histogram"][1]["count"].as_str());
            (series["metric"].clone(), value.unwrap().parse().unwrap())
        };
        series.iter().map(value).collect()
    }

    /// Rules that could not be evaluated.
    pub(crate) fn unhealthy_rules(&self) -> Vec<String> {
        let answer = self.ask("rules", &[]).expect("an answer");
        let groups = answer["data"]["groups"].as_array().expect("groups");
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().expect("rules"));
        rules.filter(|rule| rule["health"] != "ok").map(ToString::to_string).collect()
    }

    /// The value of a query that gives one series; none while it gives none.
    pub(crate) fn value(&self, query: &str) -> Option<f64> {
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

/// In a named namespace, or here.
fn program(name: &str, netns: Option<&str>) -> Command {
    let Some(netns) = netns else { return Command::new(name) };
    let mut command = Command::new("nsenter");
    command.args([&format!("--net=/run/netns/{netns}"), "--", name]);
    command
}
