//! What is served where.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use axum::{
    Router,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use tracing::warn;

use super::{
    Limits,
    connections::Connections,
    frames,
    gate::{self, text},
    negotiate, page,
    stream::Streams,
    web_config::WebConfig,
};
use crate::{
    agent::{
        exporter::{Exporter, What},
        source::Source,
    },
    model::{published::REPORT, snapshot::WebState},
};

/// What all requests have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) source: Source,
    pub(super) exporter: Exporter,
    pub(super) limits: Limits,
    pub(super) connections: Arc<Connections>,
    pub(super) config: Arc<WebConfig>,
    pub(super) streams: Streams,
    /// Whether frames are served.
    pub(super) frames: bool,
    answers: Mutex<BTreeMap<u16, u64>>,
}

impl Shared {
    pub(super) fn new(
        source: Source,
        exporter: Exporter,
        limits: Limits,
        connections: Arc<Connections>,
        config: Arc<WebConfig>,
        frames: bool,
    ) -> Self {
        let streams = Streams::new(limits.streams);
        Self { source, exporter, limits, connections, config, streams, frames, answers: Mutex::default() }
    }

    pub(super) fn count(&self, status: StatusCode) {
        *self.answers.lock().unwrap_or_else(PoisonError::into_inner).entry(status.as_u16()).or_default() += 1;
    }

    fn state(&self) -> WebState {
        WebState {
            connections: self.connections.count(),
            refused: self.connections.refused(),
            answers: self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            streams_dropped: self.streams.dropped(),
            reload: self.config.reload(),
        }
    }
}

pub(super) fn router(shared: &Arc<Shared>, telemetry_path: &str) -> Router {
    page::add(Router::new(), telemetry_path)
        .route(telemetry_path, get(metrics))
        .route("/healthz", get(|| async { text(StatusCode::OK, "ok") }))
        .route("/readyz", get(ready))
        .route(REPORT, get(report))
        .route("/api/v1/pairs", get(pairs))
        .route("/api/v1/histograms/{id}", get(histograms))
        .route("/api/v1/drops/{id}", get(last_drops))
        .route("/api/v1/frames/{id}", get(frames::frames))
        .route("/api/v1/stream", get(stream))
        .fallback(|| async { text(StatusCode::NOT_FOUND, "nothing here; / tells what there is") })
        .with_state(Arc::clone(shared))
        .layer(middleware::from_fn_with_state(Arc::clone(shared), gate::pass))
}

async fn metrics(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let accept: Vec<&str> =
        request.headers().get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let format = negotiate::format(&accept.join(","));
    if request.method() == Method::HEAD {
        // Whoever does not read it must not use up the last words of a pair.
        return ([(header::CONTENT_TYPE, format.content_type())], ()).into_response();
    }
    made(&shared, What::Metrics(format), format.content_type(), request.headers()).await
}

const JSON: &str = "application/json";

async fn report(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap) -> Response {
    let what = match wanted(uri.query().unwrap_or_default()) {
        Ok(what) => what,
        Err(sentence) => return text(StatusCode::BAD_REQUEST, sentence),
    };
    if let What::Published(Some(id)) = what
        && let Some(unknown) = unknown(&shared, id).await
    {
        return unknown;
    }
    made(&shared, what, JSON, &headers).await
}

/// What the words behind the path ask for.
fn wanted(query: &str) -> Result<What, &'static str> {
    let (mut buckets, mut id) = (false, None);
    for word in query.split('&').filter(|word| !word.is_empty()) {
        match word.split_once('=') {
            Some(("buckets", "1")) => buckets = true,
            Some(("id", number)) => id = Some(number.parse().map_err(|_| "an id is a number")?),
            _ => return Err("a report takes buckets=1, and with it id=N"),
        }
    }
    match (buckets, id) {
        (true, id) => Ok(What::Published(id)),
        (false, None) => Ok(What::Report),
        (false, Some(_)) => Err("with id=N there is only the report with buckets=1"),
    }
}

async fn pairs(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    made(&shared, What::Pairs, JSON, &headers).await
}

async fn histograms(State(shared): State<Arc<Shared>>, Path(id): Path<u64>, headers: HeaderMap) -> Response {
    of_one(&shared, id, What::Histograms(id), &headers).await
}

async fn last_drops(State(shared): State<Arc<Shared>>, Path(id): Path<u64>, headers: HeaderMap) -> Response {
    of_one(&shared, id, What::LastDrops(id), &headers).await
}

async fn of_one(shared: &Arc<Shared>, id: u64, what: What, headers: &HeaderMap) -> Response {
    match unknown(shared, id).await {
        Some(unknown) => unknown,
        None => made(shared, what, JSON, headers).await,
    }
}

/// The answer where no observation has this id.
async fn unknown(shared: &Shared, id: u64) -> Option<Response> {
    let known =
        shared.source.snapshot().await.map(|snapshot| snapshot.pairs().any(|(_, state)| state.id == id));
    let sentence = "no observation has this id; /api/v1/pairs tells which there are";
    matches!(known, Ok(false)).then(|| text(StatusCode::NOT_FOUND, sentence))
}

async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    let reason = match shared.source.snapshot().await {
        Ok(snapshot) => match &snapshot.agent.ready {
            Ok(()) => return text(StatusCode::OK, "ready"),
            Err(reason) => reason.clone(),
        },
        Err(error) => format!("{error:#}"),
    };
    text(StatusCode::SERVICE_UNAVAILABLE, &reason)
}

async fn stream(State(shared): State<Arc<Shared>>) -> Response {
    let Some(body) = shared.streams.join() else {
        return text(StatusCode::SERVICE_UNAVAILABLE, "as many streams as may be are running");
    };
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

/// A body that the exporter makes, off the threads that serve.
async fn made(shared: &Arc<Shared>, what: What, content_type: &'static str, headers: &HeaderMap) -> Response {
    let asked = Instant::now();
    let snapshot = match shared.source.snapshot().await {
        Ok(snapshot) => snapshot,
        Err(error) => return text(StatusCode::SERVICE_UNAVAILABLE, &format!("{error:#}")),
    };
    let gzip = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(negotiate::gzip);
    let making = Arc::clone(shared);
    let body = tokio::task::spawn_blocking(move || {
        making.exporter.body(&snapshot, || making.state(), what, gzip, asked)
    })
    .await;
    let body = match body.map_err(anyhow::Error::new).flatten() {
        Ok(body) => body,
        Err(error) => {
            warn!("cannot answer: {error:#}");
            return text(StatusCode::INTERNAL_SERVER_ERROR, "this answer could not be made");
        }
    };
    let mut answer = ([(header::CONTENT_TYPE, content_type)], body).into_response();
    answer.headers_mut().insert(header::VARY, HeaderValue::from_static("accept, accept-encoding"));
    if gzip {
        answer.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    answer
}
