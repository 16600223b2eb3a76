//! The last frames that died, of several pairs, as the agent tells them over HTTP.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::PathBuf,
    time::Duration,
};

use serde_json::Value;
use veth_observer::{
    frame::craft::{Content, FrameSpec, Ip, Transport, craft},
    model::mac::Mac,
};

use super::{Agent, dropped, make, quiet};

/// A datagram with its number as the port that it comes from, and its pair's as the other.
fn numbered(pair: usize, number: u16) -> Vec<u8> {
    let ip = Ip::V4 { src: [10, 77, 0, 1].into(), dst: [10, 77, 0, 2].into() };
    let dst = u16::try_from(pair).unwrap() + 7000;
    let spec = FrameSpec {
        src_mac: Mac([2, 0, 0, 0, 0, 1]),
        dst_mac: Mac([2, 0, 0, 0, 0, 2]),
        vlan: None,
        content: Content::Ip(ip, Some(Transport::Udp { src: number, dst })),
        payload: Vec::new(),
        size: Some(120),
    };
    craft(&spec, 0).unwrap()
}

/// Where an agent listens; gone with the value.
struct Socket(PathBuf);

impl Socket {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("vo-{name}-{}.sock", std::process::id())))
    }

    fn address(&self) -> String {
        format!("unix:{}", self.0.display())
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        let mut stream = UnixStream::connect(&self.0).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn the_last_drops_of_each_pair_are_its_own() {
    let lab = quiet(2);
    make(&lab, 0..3);
    for pair in ["p1", "p2"] {
        let shaper = ["tbf", "rate", "1mbit", "burst", "2kb", "limit", "4kb"];
        lab.exec(0, &[&["tc", "qdisc", "add", "dev", pair, "root"][..], &shaper].concat());
    }
    let socket = Socket::new("drops");
    let agent = Agent::start(&lab, &["--loss-timeout", "1s", "--web.listen-address", &socket.address()]);
    agent.observing(3);
    let sent = [10, 300, 200];
    let refused: Vec<Vec<usize>> = (0..3)
        .map(|pair| {
            lab.offer_each(0, &format!("p{pair}"), (0..sent[pair]).map(|number| numbered(pair, number)))
        })
        .collect();
    let report = agent.report("an end of all frames", |report| {
        (0..3).all(|pair| {
            let count = |what| report.count(&format!("p{pair}"), what);
            count("/sent/frames") == Some(sent[pair].into()) && count("/in_flight") == Some(0)
        })
    });
    let mut records = 0;
    for (pair, refused) in refused.iter().enumerate() {
        let name = format!("p{pair}");
        let direction = report.from(&name).unwrap();
        assert_eq!(dropped(direction), refused.len() as u64, "{direction:#}");
        let id = &report.pair(&name).unwrap()["state"]["id"];
        let told = socket.get(&format!("/api/v1/drops/{id}"));
        let ways = told["directions"].as_array().unwrap();
        let (own, other): (Vec<&Value>, Vec<&Value>) =
            ways.iter().partition(|way| way["from"] == direction["from"]);
        assert_eq!((&other[0]["dropped"], &other[0]["frames"]), (&0.into(), &serde_json::json!([])));
        let of = |what: &str| own[0][what].as_u64().unwrap();
        assert_eq!(of("dropped"), refused.len() as u64, "{told:#}");
        // One frame to a buffer: what was told is what the ring had room for and the rate let pass.
        let passed = of("dropped") - of("held_back") - of("lost");
        assert_eq!(of("shown"), passed.min(16), "{told:#}");
        records += passed;
        let frames = own[0]["frames"].as_array().unwrap();
        assert_eq!(frames.len() as u64, of("shown"));
        let mut numbers = refused.iter().rev();
        for frame in frames {
            let number = &frame["transport"]["src_port"];
            assert!(
                numbers.any(|refused| *number == *refused),
                "{number} was not refused, or not then: {told:#}"
            );
            assert_eq!(frame["transport"]["dst_port"], pair + 7000);
            assert_eq!(
                (&frame["len"], &frame["frames"], &frame["stage"]),
                (&120.into(), &1.into(), &"qdisc".into())
            );
            assert_eq!(frame["text"], format!("10.77.0.1.{number} > 10.77.0.2.{}  udp", pair + 7000));
        }
    }
    let ring = &socket.get("/api/v1/pairs")["agent"]["ring"];
    assert_eq!((ring["samples"].as_u64(), ring["lost"].as_u64()), (Some(records), Some(0)));

    // A pair that ended is told of as long as it is shown.
    let id = report.pair("p1").unwrap()["state"]["id"].clone();
    lab.ip(0, &["link", "delete", "p1"]);
    agent.report("its end", |report| report.living() == 2);
    let told = socket.get(&format!("/api/v1/drops/{id}"));
    let ways = told["directions"].as_array().unwrap();
    assert!(ways.iter().any(|way| way["frames"].as_array().unwrap().len() == 16), "{told:#}");
    let ring = socket.get("/api/v1/pairs")["agent"]["ring"].clone();
    assert_eq!(ring["samples"].as_u64(), Some(records), "gone pairs stay in the counts");
}
