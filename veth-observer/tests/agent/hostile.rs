//! Clients that mean no good. A scrape in their midst stays quick.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    thread::{scope, sleep},
    time::{Duration, Instant},
};

use rustix::process::{Resource, getrlimit, setrlimit};
use veth_observer::agent::http::Limits;

use super::{
    Agent,
    client::{connect, get, raw, sample},
    fake, flags,
};

/// On two busy cores; alone it takes milliseconds. Whoever waits for another to be cut off waits longer.
const QUICK: Duration = Duration::from_secs(4);

#[track_caller]
fn assert_quick(at: SocketAddr) {
    let start = Instant::now();
    let answer = get(at, "/metrics", &[]);
    assert!(answer.status == 200 && start.elapsed() < QUICK, "{} after {:?}", answer.status, start.elapsed());
}

fn agent(limits: Limits) -> Agent {
    Agent::with(&flags(&["127.0.0.1:0"]), limits, |taken| fake::many(taken, 20))
}

/// Until the other side closes.
fn ended(stream: &mut TcpStream) -> Duration {
    let start = Instant::now();
    let mut scratch = [0; 1 << 14];
    loop {
        match stream.read(&mut scratch) {
            Ok(0) => return start.elapsed(),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return start.elapsed(),
            Err(error) => panic!("still open after {:?}: {error}", start.elapsed()),
        }
    }
}

#[test]
fn a_thousand_who_say_nothing_keep_nobody_out() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, rustix::process::Rlimit { current: limit.maximum, ..limit }).unwrap();
    let agent = agent(Limits::default());
    let mut idle: Vec<TcpStream> = (0..1000).map(|_| connect(agent.address())).collect();
    for _ in 0..5 {
        assert_quick(agent.address());
    }
    let text = get(agent.address(), "/metrics", &[]).body;
    assert!(sample(&text, "veth_observer_http_connections") <= 128.0, "{text}");
    assert!(sample(&text, "veth_observer_http_connections_refused_total") >= 872.0, "{text}");
    // Who came first has lost its place to the later ones.
    assert!(ended(&mut idle[0]) < QUICK);
    drop(idle);
    assert_quick(agent.address());
}

#[test]
fn who_sends_headers_a_byte_at_a_time_is_cut_off() {
    let agent = agent(Limits { reading: Duration::from_secs(1), ..Limits::default() });
    let at = agent.address();
    let mut slow: Vec<TcpStream> = (0..50).map(|_| connect(at)).collect();
    let start = Instant::now();
    let mut open = slow.len();
    for byte in b"GET /metrics HTTP/1.1\r\nX-Slow: ".iter().chain([b'a'].iter().cycle()) {
        open = slow.iter_mut().filter_map(|stream| stream.write_all(&[*byte]).ok()).count();
        if open == 0 || start.elapsed() > Duration::from_secs(8) {
            break;
        }
        sleep(Duration::from_millis(100));
    }
    assert_eq!(open, 0, "all are cut off after {:?}", start.elapsed());
    assert_quick(at);
}

#[test]
fn large_requests_are_refused_without_being_read() {
    let agent = agent(Limits::default());
    let at = agent.address();
    let ten_megabytes = "a".repeat(10 << 20);
    let send = |head: &str, rest: &str| {
        let mut stream = connect(at);
        let _ = stream.write_all(head.as_bytes());
        // It may close while we still write.
        let _ = stream.write_all(rest.as_bytes());
        let mut text = Vec::new();
        let _ = stream.read_to_end(&mut text);
        String::from_utf8_lossy(&text).split(' ').nth(1).and_then(|code| code.parse::<u16>().ok())
    };
    let start = Instant::now();
    let header = send(&format!("GET /metrics HTTP/1.1\r\nHost: {at}\r\nX: "), &ten_megabytes);
    let line = send("GET /", &ten_megabytes);
    let length = ten_megabytes.len();
    let body = send(
        &format!("GET /metrics HTTP/1.1\r\nHost: {at}\r\nContent-Length: {length}\r\n\r\n"),
        &ten_megabytes,
    );
    let chunks = send(
        &format!("GET /metrics HTTP/1.1\r\nHost: {at}\r\nTransfer-Encoding: chunked\r\n\r\n"),
        &format!("{length:x}\r\n{ten_megabytes}"),
    );
    // A reset may overtake the answer.
    for (what, status, want) in
        [("header", header, 431), ("line", line, 414), ("body", body, 413), ("chunks", chunks, 413)]
    {
        assert!(status.is_none_or(|status| status == want || status == 431), "{what}: {status:?}");
    }
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    let small = raw(at, &format!("GET /metrics HTTP/1.1\r\nHost: {at}\r\nContent-Length: 1\r\n\r\nx"));
    assert_eq!(small.status, 413);
    assert_quick(at);
}

#[test]
fn however_often_it_is_scraped_it_collects_ten_times_a_second() {
    let agent = Agent::start(|taken| {
        // As long as reading the maps of many pairs may take.
        sleep(Duration::from_millis(20));
        fake::many(taken, 20)
    });
    let (at, start) = (agent.address(), Instant::now());
    let end = start + Duration::from_secs(3);
    let scrapes = scope(|scope| {
        let hammer = || {
            let mut scrapes = 0_u64;
            while Instant::now() < end {
                assert_eq!(get(at, "/metrics", &["Accept-Encoding: gzip"]).status, 200);
                scrapes += 1;
                sleep(Duration::from_millis(10));
            }
            scrapes
        };
        let hammers: Vec<_> = (0..4).map(|_| scope.spawn(hammer)).collect();
        while Instant::now() < end {
            assert_quick(at);
            sleep(Duration::from_millis(300));
        }
        hammers.into_iter().map(|hammer| hammer.join().unwrap()).sum::<u64>()
    });
    let most = u64::try_from(start.elapsed().as_millis()).unwrap() / 100 + 2;
    let collections = agent.collections();
    assert!(collections <= most, "{collections} collections for {scrapes} scrapes in {:?}", start.elapsed());
    assert!(scrapes > collections, "{scrapes} scrapes, {collections} collections");
}

#[test]
fn who_does_not_take_what_it_asked_for_is_dropped() {
    let limits = Limits { writing: Duration::from_secs(1), ..Limits::default() };
    // Some megabytes: more than the kernel keeps for a client.
    let agent = Agent::with(&flags(&["127.0.0.1:0"]), limits, |taken| fake::many(taken, 300));
    let at = agent.address();
    let ask = |path: &str| {
        let mut stream = connect(at);
        for _ in 0..8 {
            write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        }
        stream
    };
    let greedy: Vec<TcpStream> = (0..4).map(|_| ask("/metrics")).chain([ask("/api/v1/stream")]).collect();
    let connections = || sample(&get(at, "/metrics", &[]).body, "veth_observer_http_connections");
    assert!(connections() > 1.5);
    let end = Instant::now() + Duration::from_secs(40);
    while connections() > 1.5 {
        assert!(Instant::now() < end, "still connected");
        sleep(Duration::from_millis(500));
    }
    drop(greedy);
    assert_quick(at);
}

#[test]
fn there_are_only_so_many_streams() {
    let agent = agent(Limits { streams: 2, ..Limits::default() });
    let at = agent.address();
    let join = || {
        let mut stream = connect(at);
        write!(stream, "GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        (String::from_utf8_lossy(&head).into_owned(), stream)
    };
    let streams: Vec<_> = (0..3).map(|_| join()).collect();
    let codes: Vec<&str> = streams.iter().map(|(head, _)| &head[9..]).collect();
    assert_eq!(codes, ["200", "200", "503"]);
    drop(streams);
    crate::support::netns::eventually("there is room again", || join().0.ends_with("200"));
}

#[test]
fn rubbish_is_answered_or_cut_off() {
    let agent = agent(Limits { reading: Duration::from_secs(1), ..Limits::default() });
    let at = agent.address();
    for rubbish in [
        &b"\0\0\0\0"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\nAccept: \xff;q=\xff\r\n\r\n",
        b"GET /%00%ff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\r\n\r\n\r\n\r\n",
    ] {
        let mut stream = connect(at);
        stream.write_all(rubbish).unwrap();
        assert!(ended(&mut stream) < Duration::from_secs(4), "{}", rubbish.escape_ascii());
    }
    assert_quick(at);
}
