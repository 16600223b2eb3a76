//! One request to the receiver, and what became of it (OTLP specification, "OTLP/HTTP Response" and "OTLP/HTTP Throttling").

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Collected, Full, Limited};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode, Uri,
    body::{Bytes, Incoming},
    client::conn::http1,
    header::{self, HeaderValue},
};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use prost::Message;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{settings::Settings, tls};
use crate::{fault::Fault, view::escape};

/// Of an answer, more is not read.
const ANSWER: usize = 64 << 10;

/// Of what a receiver says why, more characters are not told.
const WORDS: usize = 200;

/// A receiver is not heeded that wants to be left alone for longer.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

#[derive(Debug)]
pub(super) enum Outcome {
    /// But for so many data points, and why not them.
    Delivered { rejected: u64, why: String },
    /// For good.
    Refused { why: String },
    /// Not now; after this long, where the receiver said so.
    Later { why: String, after: Option<Duration> },
}

pub(super) struct Receiver {
    endpoint: Uri,
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    headers: HeaderMap,
    timeout: Duration,
}

impl Receiver {
    /// Reads the certificates; asks nobody yet.
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let endpoint = settings.endpoint.clone();
        let host = endpoint.host().context("no host")?.trim_matches(['[', ']']).to_owned();
        let is_tls = endpoint.scheme_str() == Some("https");
        let tls = if is_tls {
            let name = ServerName::try_from(host.clone())
                .map_err(|_| Fault::usage(format!("`{host}` is no name that a certificate could have")))?;
            Some((TlsConnector::from(Arc::new(tls::client_config(&settings.trust)?)), name))
        } else {
            None
        };
        let mut headers = settings.headers.clone();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        let agent = concat!("veth-observer/", env!("CARGO_PKG_VERSION"));
        headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static(agent));
        headers
            .insert(header::HOST, HeaderValue::from_str(endpoint.authority().context("no host")?.as_str())?);
        if settings.gzip {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let port = endpoint.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        Ok(Self { endpoint, host, port, tls, headers, timeout: settings.timeout })
    }

    /// The URL without its query, which may hold a secret.
    pub(super) fn shown(&self) -> String {
        self.endpoint.to_string().split('?').next().unwrap_or_default().to_owned()
    }

    pub(super) async fn send(&self, body: Bytes) -> Outcome {
        match timeout(self.timeout, self.exchange(body)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => Outcome::Later { why: format!("{error:#}"), after: None },
            Err(_) => {
                let why = format!("no answer within {}", humantime::format_duration(self.timeout));
                Outcome::Later { why, after: None }
            }
        }
    }

    async fn exchange(&self, body: Bytes) -> Result<Outcome> {
        let stream = TcpStream::connect((&*self.host, self.port)).await.context("cannot connect")?;
        match &self.tls {
            None => self.talk(stream, body).await,
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await.context("no TLS")?;
                self.talk(stream, body).await
            }
        }
    }

    async fn talk(&self, stream: impl AsyncRead + AsyncWrite + Unpin, body: Bytes) -> Result<Outcome> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let path = self.endpoint.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::builder().method(Method::POST).uri(path).body(Full::new(body))?;
        request.headers_mut().clone_from(&self.headers);
        let answer = async move {
            let response = sender.send_request(request).await.context("no answer")?;
            anyhow::Ok(outcome(response).await)
        };
        tokio::pin!(answer);
        tokio::select! {
            answer = &mut answer => answer,
            // What was read before the connection ended is still to be had.
            _ = connection => answer.await,
        }
    }
}

async fn outcome(response: Response<Incoming>) -> Outcome {
    let (head, body) = response.into_parts();
    // The status is what counts; a body that is cut changes nothing.
    let body = Limited::new(body, ANSWER).collect().await.map(Collected::to_bytes).unwrap_or_default();
    if head.status.is_success() {
        let partial =
            ExportMetricsServiceResponse::decode(body).ok().and_then(|answer| answer.partial_success);
        let partial = partial.unwrap_or_default();
        return Outcome::Delivered {
            rejected: partial.rejected_data_points.try_into().unwrap_or(0),
            why: words(&partial.error_message),
        };
    }
    let is_text = head.headers.get(header::CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind.as_bytes();
        kind.starts_with(b"text/plain") || kind.starts_with(b"application/json")
    });
    let said = if is_text { words(&String::from_utf8_lossy(&body)) } else { String::new() };
    let why = format!("{} {said}", head.status).trim_end().to_owned();
    let may_come_again = matches!(
        head.status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    );
    if !may_come_again {
        return Outcome::Refused { why };
    }
    let after = head.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    Outcome::Later { why, after: after.and_then(|after| wait(after, SystemTime::now())) }
}

/// Seconds, or a date (RFC 9110).
fn wait(retry_after: &str, now: SystemTime) -> Option<Duration> {
    let wait = match retry_after.trim().parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(retry_after).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(wait.min(LONGEST_WAIT))
}

fn words(text: &str) -> String {
    escape::name(&text.trim().chars().take(WORDS).collect::<String>()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(wait("7", now), Some(Duration::from_secs(7)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:47 GMT", now), Some(Duration::from_secs(10)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(wait("999999999", now), Some(LONGEST_WAIT));
        assert_eq!(wait("soon", now), None);
    }

    #[test]
    fn what_a_receiver_says_is_cut_and_steers_no_terminal() {
        assert_eq!(words(" no\u{1b}[2J\n"), "no\\u{1b}[2J");
        assert_eq!(words(&"x".repeat(1000)).len(), WORDS);
    }
}
