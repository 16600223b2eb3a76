//! Requests as plain bytes, and by curl.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::Command,
    time::Duration,
};

/// What was answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// In lower case, one a line.
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    #[track_caller]
    pub(super) fn of(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        Self { status, head: head.to_ascii_lowercase().replace("\r\n", "\n"), body: body.to_owned() }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

pub(super) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it accepts");
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// Sends bytes and gives what comes until the other side closes.
#[track_caller]
pub(super) fn raw(address: SocketAddr, request: &str) -> Answer {
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = Vec::new();
    stream.read_to_end(&mut text).expect("an answer");
    Answer::of(&String::from_utf8_lossy(&text))
}

/// GET with these headers.
#[track_caller]
pub(super) fn get(address: SocketAddr, path: &str, headers: &[&str]) -> Answer {
    let headers: String = headers.iter().flat_map(|header| [header, "\r\n"]).collect();
    raw(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n"))
}

/// curl's exit code and what it got, with the head.
pub(super) fn curl(args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new("curl")
        .args(["--silent", "--include", "--max-time", "10", "--noproxy", "*"])
        .args(args)
        .output()
        .expect("curl runs");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The answer to a request that curl can make.
#[track_caller]
pub(super) fn curled(args: &[&str]) -> Answer {
    let (code, text) = curl(args);
    assert_eq!(code, Some(0), "{args:?}: {text}");
    Answer::of(&text)
}

/// The value of one sample in text.
#[track_caller]
pub(super) fn sample(text: &str, series: &str) -> f64 {
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {series} in\n{text}"))
}
