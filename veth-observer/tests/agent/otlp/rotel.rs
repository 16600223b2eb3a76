//! Through a collector that others made: it decodes an export, and sends on what it understood.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use opentelemetry_proto::tonic::metrics::v1::Metric;

use super::{super::fake, pushing, receiver::Receiver, serving};
use crate::support::netns::{Background, eventually};

/// Where `cargo xtask test` installs it.
fn program() -> PathBuf {
    let libraries = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("rotel").join("lib");
    let installed = fs::read_dir(&libraries).into_iter().flatten().flatten();
    let found =
        installed.map(|python| python.path().join("site-packages/rotel/rotel-agent")).find(|it| it.exists());
    found.unwrap_or_else(|| panic!("no rotel below {}: `cargo xtask test` installs it", libraries.display()))
}

#[test]
fn a_collector_understands_an_export_to_the_last_point() {
    let receiver = Receiver::start();
    let ports = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [http, grpc] = ports.each_ref().map(|listener| listener.local_addr().unwrap());
    drop(ports);
    let log = std::env::temp_dir().join(format!("vo-rotel-{}", std::process::id()));
    let mut command = Command::new(program());
    command
        .arg("start")
        .args(["--otlp-http-endpoint", &http.to_string(), "--otlp-grpc-endpoint", &grpc.to_string()])
        .args(["--exporter", "otlp", "--otlp-exporter-protocol", "http"])
        .args(["--otlp-exporter-endpoint", &receiver.url(), "--disable-batching"])
        .args(["--debug-log", "metrics", "--debug-log-verbosity", "detailed"])
        .stdin(Stdio::null())
        .stdout(fs::File::create(&log).unwrap())
        .stderr(Stdio::null());
    let _collector = Background::start(&mut command);
    eventually("it listens", || std::net::TcpStream::connect(http).is_ok());

    let direct = Receiver::start();
    let (_agent, source) = serving(fake::one);
    // One export of one snapshot to each: what comes through is what comes directly.
    let hour = Duration::from_hours(1);
    let mut last = super::now(fake::many(0, 5));
    last.report.pairs[3].pair = "a\"b\\c µ".into();
    pushing(source.clone(), &direct.url(), hour).finish(last.clone());
    pushing(source, &format!("http://{http}"), hour).finish(last);
    let (sent, came) = (direct.first(1).remove(0), receiver.first(1).remove(0));
    // What the process itself takes is of two moments.
    let told = |export: &super::received::Received| -> Vec<Metric> {
        export.metrics().iter().filter(|metric| !metric.name.starts_with("process.")).cloned().collect()
    };
    assert_eq!(told(&came), told(&sent));
    assert!(told(&came).len() > 30, "{}", told(&came).len());
    assert_eq!(came.metrics().len(), sent.metrics().len());
    let own = |mut resource: super::received::Attributes| {
        resource.remove("service.instance.id");
        resource
    };
    assert_eq!(own(came.resource()), own(sent.resource()));
    let mut said = String::new();
    eventually("it printed all", || {
        said = fs::read_to_string(&log).unwrap();
        said.contains("Name: process.thread.count")
    });
    fs::remove_file(&log).unwrap();
    assert_delays(&said);
}

/// Bounds as the collector reckons them from scale and offset, and the delays between them.
fn assert_delays(said: &str) {
    let (_, metric) = said.split_once("Name: veth.one_way_delay\n").expect("the delays");
    let point = metric.split("ExponentialHistogramDataPoints #").nth(1).expect("the first direction");
    let seconds = |ns: &u64| Duration::from_nanos(*ns).as_secs_f64();
    let delays: Vec<f64> = fake::delays().iter().map(seconds).collect();
    let mut buckets = 0;
    for line in point.lines().filter_map(|line| line.strip_prefix("Bucket (")) {
        let (bounds, count) = line.split_once("], Count: ").unwrap();
        let (lower, upper) = bounds.split_once(", ").unwrap();
        let (lower, upper): (f64, f64) = (lower.parse().unwrap(), upper.parse().unwrap());
        let between =
            |lower: f64, upper: f64| delays.iter().filter(|it| **it > lower && **it <= upper).count();
        // A delay within a nanosecond of a bound may lie on either side of it.
        let possible = between(lower + 1e-9, upper - 1e-9)..=between(lower - 1e-9, upper + 1e-9);
        assert!(possible.contains(&count.parse().unwrap()), "{line}: exactly {}", between(lower, upper));
        buckets += 1;
    }
    // From 59 ns to 2 s, eight to a doubling.
    assert_eq!(buckets, 202);
    assert!(point.contains("Bucket [0, 0], Count: 1\n"), "one took no time");
}
