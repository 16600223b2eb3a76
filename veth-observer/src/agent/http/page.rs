//! The page at `/` and its files, compiled in: it works without a network, and no build step makes it.

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use ring::digest::{SHA256, digest};

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

macro_rules! files {
    ($($name:literal $content_type:expr),+ $(,)?) => {
        [$((concat!("/page/", $name), $content_type, include_bytes!(concat!("page/", $name)))),+]
    };
}

const FILES: [(&str, &str, &[u8]); 16] = files! {
    "app.js" SCRIPT,
    "bins.js" SCRIPT,
    "charts.js" SCRIPT,
    "courses.js" SCRIPT,
    "detail.js" SCRIPT,
    "dom.js" SCRIPT,
    "drops.js" SCRIPT,
    "facts.js" SCRIPT,
    "icon.svg" "image/svg+xml",
    "pairs.js" SCRIPT,
    "stream.js" SCRIPT,
    "style.css" STYLE,
    "units.js" SCRIPT,
    "uPlot.LICENSE" TEXT,
    "uPlot.iife.min.js" SCRIPT,
    "uPlot.min.css" STYLE,
};

/// A router with the page and its files. The page names the path of the metrics.
pub(super) fn add<S: Clone + Send + Sync + 'static>(router: Router<S>, telemetry_path: &str) -> Router<S> {
    let index = include_str!("page/index.html").replace("{telemetry_path}", telemetry_path);
    let index = ("/", HTML, Bytes::from(index));
    let files =
        FILES.iter().map(|&(path, content_type, body)| (path, content_type, Bytes::from_static(body)));
    files.chain([index]).fold(router, |router, (path, content_type, body)| {
        let tag = tag(&body);
        router.route(
            path,
            get(move |headers: HeaderMap| async move { answer(&headers, &tag, content_type, body) }),
        )
    })
}

/// Kept by the browser, but never shown without asking whether it is still the same: another agent may listen here.
fn answer(headers: &HeaderMap, tag: &str, content_type: &'static str, body: Bytes) -> Response {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    let mut answer = if known.is_some_and(|tags| tags.split(',').any(|known| known.trim() == tag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, content_type)], body).into_response()
    };
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        answer.headers_mut().insert(header::ETAG, tag);
    }
    answer
}

fn tag(body: &[u8]) -> String {
    let hash = digest(&SHA256, body);
    let start = hash.as_ref().iter().take(8).fold(0_u64, |start, byte| (start << 8) | u64::from(*byte));
    format!("\"{start:016x}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_only_files_that_are_there() {
        let texts = FILES.iter().filter(|(_, kind, _)| *kind == SCRIPT).map(|(.., body)| *body);
        let texts = texts.chain([include_str!("page/index.html").as_bytes()]);
        for text in texts.map(String::from_utf8_lossy) {
            for name in
                text.split(['"', '\'']).filter(|word| word.starts_with("./") || word.starts_with("/page/"))
            {
                let path = name.replace("./", "/page/");
                assert!(FILES.iter().any(|(there, ..)| *there == path), "{name}");
            }
        }
    }

    #[test]
    fn nothing_in_the_page_is_inline_or_from_elsewhere() {
        let index = include_str!("page/index.html");
        for inline in ["<style", "style=", "onclick", "<script>", "http:", "https:"] {
            assert!(!index.contains(inline), "{inline}");
        }
    }

    #[test]
    fn an_unchanged_file_is_not_sent_again() {
        let body = Bytes::from_static(b"x");
        let tag = tag(&body);
        let mut headers = HeaderMap::new();
        assert_eq!(answer(&headers, &tag, TEXT, body.clone()).status(), StatusCode::OK);
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_str(&format!("\"y\", {tag}")).unwrap());
        assert_eq!(answer(&headers, &tag, TEXT, body.clone()).status(), StatusCode::NOT_MODIFIED);
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"y\""));
        assert_eq!(answer(&headers, &tag, TEXT, body).status(), StatusCode::OK);
    }
}
