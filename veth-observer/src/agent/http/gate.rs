//! What every request has to pass, and what every answer carries.

use std::{net::IpAddr, sync::Arc};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{passwords::Verdict, routes::Shared};

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// By an address that only this machine reaches.
    Loopback,
    Network,
    /// By a socket whose file says who may: neither TLS nor passwords then.
    Unix,
}

const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

pub(super) async fn pass(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let answer = async {
        if let Some(refused) = refused(&request) {
            return refused;
        }
        if has_to_say_who(&request)
            && let Some(passwords) = &shared.config.security().passwords
        {
            let header = request.headers().get(header::AUTHORIZATION).cloned();
            let header = header.as_ref().and_then(|value| value.to_str().ok());
            if let Some(refused) = unknown(passwords.judge(header).await) {
                return refused;
            }
        }
        next.run(request).await
    };
    let mut answer = match tokio::time::timeout(shared.limits.answering, answer).await {
        Ok(answer) => answer,
        Err(_) => text(StatusCode::SERVICE_UNAVAILABLE, "no answer in time"),
    };
    shared.count(answer.status());
    for (name, value) in &HEADERS {
        answer.headers_mut().insert(name, value.clone());
    }
    // The files of the page say themselves how long they are good for.
    answer.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    answer
}

/// The answer to a request that must not pass, whoever sends it.
fn refused(request: &Request) -> Option<Response> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "read only: GET and HEAD");
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Some(closing(answer));
    }
    let headers = request.headers();
    let is_empty = headers.get(header::CONTENT_LENGTH).is_none_or(|length| length == "0");
    if !is_empty || headers.contains_key(header::TRANSFER_ENCODING) {
        return Some(closing(text(StatusCode::PAYLOAD_TOO_LARGE, "a request has no body here")));
    }
    if entry(request) == Entry::Loopback && !is_local(request.uri().authority(), headers) {
        let sentence =
            "on loopback the host is localhost, 127.0.0.1 or [::1]: another name is another site's";
        return Some(closing(text(StatusCode::MISDIRECTED_REQUEST, sentence)));
    }
    None
}

/// Whether somebody who asks has to show a password. A check of health knows none, and is told nothing.
fn has_to_say_who(request: &Request) -> bool {
    entry(request) != Entry::Unix && request.uri().path() != "/healthz"
}

/// The strictest where it is not told.
fn entry(request: &Request) -> Entry {
    request.extensions().get().copied().unwrap_or(Entry::Loopback)
}

/// The answer to somebody who is not let in.
fn unknown(verdict: Verdict) -> Option<Response> {
    let (status, sentence, name, value) = match verdict {
        Verdict::Allowed => return None,
        Verdict::Denied => {
            (StatusCode::UNAUTHORIZED, "name and password, please", header::WWW_AUTHENTICATE, "Basic")
        }
        Verdict::Busy => {
            (StatusCode::SERVICE_UNAVAILABLE, "too many passwords to check", header::RETRY_AFTER, "1")
        }
    };
    let mut answer = text(status, sentence);
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
    Some(answer)
}

/// Whether the names that the request calls us by are ours: a page elsewhere whose name was made to point here calls us by
/// that name (DNS rebinding).
fn is_local(target: Option<&Authority>, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(host) = Authority::try_from(host.as_bytes()) else { return false };
    target.is_none_or(is_ours) && is_ours(&host)
}

fn is_ours(authority: &Authority) -> bool {
    if authority.as_str().contains('@') {
        return false;
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A sentence as an answer.
pub(super) fn text(status: StatusCode, sentence: &str) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (status, headers, Body::from(format!("{sentence}\n"))).into_response()
}

/// What else comes on the connection is not worth reading.
fn closing(mut answer: Response) -> Response {
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(hosts: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, HeaderValue::from_str(host).unwrap());
        }
        is_local(None, &headers)
    }

    #[test]
    fn only_our_own_names_are_ours() {
        for host in
            ["localhost", "localhost:10435", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:9"]
        {
            assert!(local(&[host]), "{host}");
        }
        for host in [
            "",
            "example.org",
            "example.org:10435",
            "localhost.example.org",
            "127.0.0.1.example.org",
            "10.0.0.1",
            "0.0.0.0",
            "[::]",
            "localhost@example.org",
            "example.org@localhost",
            "[::1",
        ] {
            assert!(!local(&[host]), "{host}");
        }
        assert!(!local(&[]), "no name is not ours");
        assert!(!local(&["localhost", "example.org"]), "nor are two");
    }

    #[test]
    fn the_name_in_the_request_line_counts_too() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("localhost"));
        let target = Authority::from_static("example.org");
        assert!(!is_local(Some(&target), &headers));
    }
}
