//! A receiver of OTLP/HTTP: takes requests one after the other, decodes them and answers as it is told.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use prost::Message;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::received::Received;
use crate::support::netns::eventually;

/// What is answered; empty to say nothing and keep the connection.
pub(super) type Answer = Vec<u8>;

pub(super) struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    received: Mutex<Vec<Received>>,
    stop: AtomicBool,
}

impl Receiver {
    /// That takes everything.
    pub(super) fn start() -> Self {
        Self::answering(|_| taken(0))
    }

    /// `answer` is told how many were answered before.
    pub(super) fn answering(answer: impl FnMut(usize) -> Answer + Send + 'static) -> Self {
        Self::with(TcpListener::bind("127.0.0.1:0").unwrap(), None, answer)
    }

    pub(super) fn with(
        listener: TcpListener,
        tls: Option<Arc<ServerConfig>>,
        mut answer: impl FnMut(usize) -> Answer + Send + 'static,
    ) -> Self {
        let (address, shared) = (listener.local_addr().unwrap(), Arc::<Shared>::default());
        let sharing = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let (mut silent, mut answered) = (Vec::new(), 0);
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                if sharing.stop.load(Ordering::Relaxed) {
                    return;
                }
                stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                let mut answer = |received: Received| {
                    sharing.received.lock().unwrap().push(received);
                    answered += 1;
                    answer(answered - 1)
                };
                let kept = stream.try_clone().unwrap();
                let was_answered = match &tls {
                    None => serve(stream, &mut answer),
                    Some(config) => {
                        let connection = ServerConnection::new(Arc::clone(config)).unwrap();
                        serve(StreamOwned::new(connection, stream), &mut answer)
                    }
                };
                silent.extend((!was_answered).then_some(kept));
            }
        });
        Self { address, shared, thread: Some(thread) }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn count(&self) -> usize {
        self.shared.received.lock().unwrap().len()
    }

    /// The first so many that came.
    pub(super) fn first(&self, count: usize) -> Vec<Received> {
        eventually(&format!("{count} exports came"), || self.count() >= count);
        self.shared.received.lock().unwrap()[..count].to_vec()
    }

    pub(super) fn latest(&self) -> Option<Received> {
        self.shared.received.lock().unwrap().last().cloned()
    }

    /// The first for which `is_it` holds.
    pub(super) fn wait_for(&self, what: &str, is_it: impl Fn(&Received) -> bool) -> Received {
        let mut found = None;
        eventually(what, || {
            found = self.shared.received.lock().unwrap().iter().find(|received| is_it(received)).cloned();
            found.is_some()
        });
        found.expect("it is there")
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let panicked = thread.join().is_err();
            assert!(!panicked || std::thread::panicking(), "the receiver was sent what it cannot read");
        }
    }
}

/// One request. False where nothing was answered; a client that does not get that far sent nothing.
fn serve(stream: impl Read + Write, answer: &mut impl FnMut(Received) -> Answer) -> bool {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).unwrap_or(0) == 0 {
            assert_eq!(head, "", "a request that was cut");
            return true;
        }
    }
    let header = |name: &str| {
        let of = |line: &str| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        };
        head.lines().find_map(of)
    };
    let mut body = vec![0; header("content-length").expect("a length").parse().unwrap()];
    stream.read_exact(&mut body).expect("a whole body");
    if header("content-encoding").as_deref() == Some("gzip") {
        let mut plain = Vec::new();
        GzDecoder::new(&*body).read_to_end(&mut plain).expect("gzip");
        body = plain;
    }
    let request = ExportMetricsServiceRequest::decode(&*body).expect("a request of metrics");
    let bytes = answer(Received { head, request, at: Instant::now() });
    if bytes.is_empty() {
        return false;
    }
    // Whoever gave up meanwhile does not read it.
    let _ = stream.get_mut().write_all(&bytes).and_then(|()| stream.get_mut().flush());
    true
}

/// As a receiver says that it took all but so many points.
pub(super) fn taken(rejected: i64) -> Answer {
    let partial =
        ExportMetricsPartialSuccess { rejected_data_points: rejected, error_message: "too old".into() };
    let body =
        ExportMetricsServiceResponse { partial_success: (rejected > 0).then_some(partial) }.encode_to_vec();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length:";
    [format!("{head} {}\r\n\r\n", body.len()).as_bytes(), &body].concat()
}

/// As it says that it did not; `headers` each end their line.
pub(super) fn refused(status: &str, headers: &str) -> Answer {
    let (kind, body) = ("text/plain", "not this way");
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Type: {kind}\r\nContent-Length: {length}");
    format!("{head}\r\n\r\n{body}").into_bytes()
}
