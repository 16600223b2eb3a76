//! What is served where, and to whom not.

use std::io::{BufRead, BufReader, Write};

use veth_observer::{agent::http::Limits, fault::Fault};

use super::{
    Agent,
    client::{connect, curled, get, raw, sample},
    fake, flags, refused,
};

#[test]
fn every_route_answers_and_nothing_else_does() {
    let agent = Agent::start(fake::one);
    let at = agent.address();
    let index = get(at, "/", &[]);
    assert!(index.status == 200 && index.body.contains("href=\"/metrics\""), "{index:?}");
    assert_eq!(
        (get(at, "/healthz", &[]).body.as_str(), get(at, "/readyz", &[]).body.as_str()),
        ("ok\n", "ready\n")
    );
    let report: serde_json::Value = serde_json::from_str(&get(at, "/api/v1/report", &[]).body).unwrap();
    assert_eq!(
        (&report["schema"], &report["pairs"][0]["directions"][0]["sent"]["frames"]),
        (&1.into(), &697.into())
    );
    let pairs: serde_json::Value = serde_json::from_str(&get(at, "/api/v1/pairs", &[]).body).unwrap();
    assert_eq!(pairs["pairs"][0]["pair"], "web");
    assert_eq!(pairs["pairs"][0]["observed"], serde_json::json!([true, true]));
    assert_eq!(pairs["agent"]["ready"]["ok"], true);
    for path in ["/metrics/", "/api", "/api/v1/", "/../etc/passwd", "/%2e%2e", "/page/index.html", "/x"] {
        assert_eq!(get(at, path, &[]).status, 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "NONSENSE"] {
        let answer =
            raw(at, &format!("{method} /metrics HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n"));
        assert!([400, 405].contains(&answer.status), "{method}: {answer:?}");
    }
    for path in ["/", "/metrics", "/api/v1/report", "/nothing", "/healthz"] {
        let answer = get(at, path, &[]);
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(
            policy.starts_with("default-src 'self'") && policy.contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    }
}

#[test]
fn each_gets_the_format_that_it_asks_for() {
    let agent = Agent::start(fake::one);
    let at = agent.address();
    let text = get(at, "/metrics", &["Accept: text/plain;version=0.0.4"]);
    assert_eq!(text.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let series = r#"veth_sent_bytes_total{pair="web",direction="to_peer"}"#;
    assert!(text.body.contains(&format!("\n{series} 9007199254740000\n")), "{}", text.body);
    let openmetrics = get(at, "/metrics", &["Accept: application/openmetrics-text;version=1.0.0"]);
    assert!(openmetrics.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    assert!(openmetrics.body.ends_with("# EOF\n"));
    let accept =
        "Accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
    let protobuf = get(at, "/metrics", &[accept]);
    assert!(protobuf.header("content-type").unwrap().starts_with("application/vnd.google.protobuf"));
    let zipped = get(at, "/metrics", &["Accept-Encoding: gzip"]);
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    let length =
        |answer: &super::client::Answer| answer.header("content-length").unwrap().parse::<usize>().unwrap();
    assert!(length(&zipped) * 4 < length(&text), "{} of {}", length(&zipped), length(&text));
    let unzipped = curled(&["--compressed", &agent.url("/metrics")]);
    assert!((sample(&unzipped.body, series) - 9_007_199_254_740_000.0).abs() < 0.5);
}

#[test]
fn on_loopback_only_names_of_loopback_are_answered() {
    let agent = Agent::start(fake::one);
    let at = agent.address();
    let ask = |host: &str| {
        raw(at, &format!("GET /api/v1/report HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
    };
    for host in ["localhost", "127.0.0.1:1", "[::1]:10435"] {
        assert_eq!(ask(host).status, 200, "{host}");
    }
    for host in ["rebound.example", "127.0.0.1.example:10435", ""] {
        let answer = ask(host);
        assert!(answer.status == 421 && !answer.body.contains("web"), "{host}: {answer:?}");
    }
    let absolute =
        "GET http://rebound.example/metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(raw(at, absolute).status, 421);
    assert_eq!(raw(at, "GET /metrics HTTP/1.0\r\n\r\n").status, 421);
    // Who listens on every address is called by names that nobody here knows.
    let open = Agent::with(&flags(&["[::]:0"]), Limits::default(), fake::one);
    let port = open.address().port();
    // And by IPv4 as well.
    let request = format!("GET /healthz HTTP/1.1\r\nHost: node.example:{port}\r\nConnection: close\r\n\r\n");
    assert_eq!(raw(([127, 0, 0, 1], port).into(), &request).status, 200);
}

#[test]
fn readiness_says_why_not() {
    let agent = Agent::start(|taken| {
        let mut snapshot = fake::one(taken);
        snapshot.agent.ready = Err("no pair could be attached: permission denied".into());
        snapshot
    });
    let answer = get(agent.address(), "/readyz", &[]);
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (503, "no pair could be attached: permission denied\n")
    );
    assert_eq!(get(agent.address(), "/healthz", &[]).status, 200);
    let text = get(agent.address(), "/metrics", &[]).body;
    assert!(sample(&text, "veth_observer_ready").abs() < 0.5);
}

#[test]
fn without_a_collector_all_but_health_is_unavailable() {
    let (source, requests) = veth_observer::agent::source::Source::new();
    drop(requests);
    let agent = Agent::of_source(&flags(&["127.0.0.1:0"]), Limits::default(), source);
    for path in ["/metrics", "/readyz", "/api/v1/report"] {
        let answer = get(agent.address(), path, &[]);
        assert!(answer.status == 503 && answer.body.contains("collected"), "{path}: {answer:?}");
    }
    assert_eq!(get(agent.address(), "/healthz", &[]).status, 200);
}

#[test]
fn frames_are_for_those_who_come_by_the_socket() {
    let mute = Agent::start(fake::one);
    let answer = get(mute.address(), "/api/v1/frames/1", &[]);
    assert!(answer.status == 403 && answer.body.contains("--web.frames"), "{answer:?}");
    let told = veth_observer::agent::http::Flags { frames: true, ..flags(&["127.0.0.1:0"]) };
    let serving = Agent::with(&told, Limits::default(), fake::one);
    let answer = get(serving.address(), "/api/v1/frames/1", &[]);
    assert!(answer.status == 403 && answer.body.contains("unix socket"), "{answer:?}");
}

#[test]
fn a_stream_brings_a_report_every_second() {
    let agent = Agent::start(fake::one);
    let mut stream = connect(agent.address());
    write!(stream, "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut events =
        BufReader::new(stream).lines().map(Result::unwrap).filter(|line| line.starts_with("data: "));
    for _ in 0..2 {
        let event = events.next().expect("an event");
        let report: serde_json::Value = serde_json::from_str(&event["data: ".len()..]).unwrap();
        assert_eq!(report["pairs"][0]["pair"], "web");
    }
}

#[test]
fn a_port_in_use_is_said_with_what_mends_it() {
    let agent = Agent::start(fake::one);
    let error = refused(&flags(&[&agent.address().to_string()]));
    let fault = error.downcast_ref::<Fault>().expect("a fault");
    assert!(fault.message.contains("in use"), "{fault:?}");
    assert!(fault.fix.as_ref().unwrap().contains("--web.listen-address 127.0.0.1:"), "{fault:?}");
}

#[test]
fn what_a_gone_pair_counted_is_served_once_more_to_whoever_reads_it() {
    let agent = Agent::start(|taken| {
        let mut pair = fake::pair("web");
        pair.ended = Some("veth1a2b was deleted".into());
        fake::snapshot(taken, vec![(1, pair)])
    });
    let series = r#"veth_frames_sent_total{pair="web",direction="to_peer"} 697"#;
    let pause = || std::thread::sleep(2 * veth_observer::agent::source::FRESH);
    let head = raw(agent.address(), "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(head.status == 200 && head.body.is_empty(), "{head:?}");
    assert!(get(agent.address(), "/metrics", &[]).body.contains(series));
    pause();
    assert!(!get(agent.address(), "/metrics", &[]).body.contains("veth_frames_sent_total"));
}
