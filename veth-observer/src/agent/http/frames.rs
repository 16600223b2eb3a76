//! Frames as JSON, one a line, for as long as the client listens. They are more than numbers: who asks has to come by the unix
//! socket, to an agent that was told to serve them.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Extension,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use futures_util::stream::unfold;
use tokio::sync::mpsc::Receiver;

use super::{
    gate::{Entry, text},
    routes::Shared,
};
use crate::agent::frames::{Asked, Question, Refusal};

const LINES: &str = "application/x-ndjson";

pub(super) async fn frames(
    State(shared): State<Arc<Shared>>,
    Extension(entry): Extension<Entry>,
    Path(id): Path<u64>,
    method: Method,
    uri: Uri,
) -> Response {
    if !shared.frames {
        return text(
            StatusCode::FORBIDDEN,
            "this agent serves no frames; one started with --web.frames does",
        );
    }
    if entry != Entry::Unix {
        return text(
            StatusCode::FORBIDDEN,
            "frames hold what was said, and are served over a unix socket only",
        );
    }
    let question = match Question::parse(uri.query().unwrap_or_default()) {
        Ok(question) => question,
        Err(sentence) => return text(StatusCode::BAD_REQUEST, &sentence),
    };
    if method == Method::HEAD {
        return ([(header::CONTENT_TYPE, LINES)], ()).into_response();
    }
    let (asked, answer) = Asked::new(id, question);
    if !shared.source.ask(asked) {
        return text(StatusCode::SERVICE_UNAVAILABLE, "nobody gives frames just now");
    }
    match answer.begun.await {
        Ok(Ok(())) => ([(header::CONTENT_TYPE, LINES)], body(answer.lines)).into_response(),
        Ok(Err(refusal)) => refused(&refusal),
        Err(_) => text(StatusCode::SERVICE_UNAVAILABLE, "the agent is ending"),
    }
}

fn body(lines: Receiver<Bytes>) -> Body {
    Body::from_stream(unfold(lines, async |mut lines| {
        let chunk = lines.recv().await?;
        Some((Ok::<_, Infallible>(chunk), lines))
    }))
}

fn refused(refusal: &Refusal) -> Response {
    match refusal {
        Refusal::Wrong(sentence) => text(StatusCode::BAD_REQUEST, sentence),
        Refusal::Unknown => {
            text(StatusCode::NOT_FOUND, "no observation has this id; /api/v1/pairs tells which there are")
        }
        Refusal::Full(sentence) => text(StatusCode::SERVICE_UNAVAILABLE, sentence),
        Refusal::Failed(sentence) => text(StatusCode::INTERNAL_SERVER_ERROR, sentence),
    }
}
