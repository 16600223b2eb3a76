//! What flags and the standard variables come to (OpenTelemetry specification, "OTLP Exporter Configuration" and "Environment
//! Variable Specification"). What is wrong is refused, not passed over: numbers that silently go nowhere help nobody.

#[cfg(test)]
mod tests;

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use hyper::{
    HeaderMap, Uri,
    header::{HeaderName, HeaderValue},
};
use percent_encoding::percent_decode_str;

use super::{Flags, resource};
use crate::{agent::source::FRESH, fault::Fault};

/// A variable by its name; none where it is empty.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

#[derive(Debug)]
pub(super) struct Settings {
    pub(super) endpoint: Uri,
    pub(super) interval: Duration,
    /// For one request and its answer.
    pub(super) timeout: Duration,
    pub(super) gzip: bool,
    pub(super) headers: HeaderMap,
    pub(super) trust: Trust,
    pub(super) resource: Vec<(String, String)>,
}

/// PEM files for TLS.
#[derive(Debug, Default)]
pub(super) struct Trust {
    /// Of authorities; none for those of the system.
    pub(super) certificate: Option<PathBuf>,
    /// Our own certificate and its key.
    pub(super) client: Option<(PathBuf, PathBuf)>,
}

/// None where no receiver is named, or nothing is to be pushed.
pub(super) fn settings(
    flags: &Flags,
    environment: Environment<'_>,
    version: &str,
) -> Result<Option<Settings>> {
    let Some(endpoint) = endpoint(flags, environment)? else {
        return match flags.otlp_interval {
            Some(_) => {
                Err(Fault::usage("--otlp-interval without a receiver: --otlp-endpoint names it").into())
            }
            None => Ok(None),
        };
    };
    if environment("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        tracing::warn!("nothing is pushed over OTLP, because OTEL_SDK_DISABLED is true");
        return Ok(None);
    }
    let word = |name: &str, words: &[&str]| match of_metrics(environment, name) {
        Some((_, value)) if words.contains(&&*value) => Ok(Some(value)),
        Some((name, value)) => Err(wrong(&name, &value, &format!("it can be {}", words.join(" or ")))),
        None => Ok(None),
    };
    word("PROTOCOL", &["http/protobuf"])?;
    let gzip = word("COMPRESSION", &["none", "gzip"])?.is_some_and(|word| word == "gzip");
    let milliseconds = |variable: Option<(String, String)>, least: u64| match variable {
        Some((name, value)) => match value.parse() {
            Ok(ms) if ms >= least => Ok(Some(Duration::from_millis(ms))),
            _ => Err(wrong(&name, &value, &format!("it is a number of milliseconds, at least {least}"))),
        },
        None => Ok(None),
    };
    let named = |name: &str| environment(name).map(|value| (name.to_owned(), value));
    let shortest = u64::try_from(FRESH.as_millis())?;
    let interval = milliseconds(named("OTEL_METRIC_EXPORT_INTERVAL"), shortest)?;
    let timeout = milliseconds(of_metrics(environment, "TIMEOUT"), 1)?;
    Ok(Some(Settings {
        endpoint,
        interval: flags.otlp_interval.or(interval).unwrap_or(Duration::from_mins(1)),
        timeout: timeout.unwrap_or(Duration::from_secs(10)),
        gzip,
        headers: headers(environment)?,
        trust: trust(environment)?,
        resource: resource::attributes(environment, version)?,
    }))
}

/// The flag, or the variable of metrics as it is, or that of all signals with the path of metrics added.
fn endpoint(flags: &Flags, environment: Environment<'_>) -> Result<Option<Uri>> {
    const PATH: &str = "/v1/metrics";
    const OF_METRICS: &str = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
    const OF_ALL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    let (name, url, path) = match (&flags.otlp_endpoint, environment(OF_METRICS), environment(OF_ALL)) {
        (Some(url), ..) => {
            let has_path = url.trim_end_matches('/').ends_with(PATH);
            ("--otlp-endpoint", url.clone(), if has_path { "" } else { PATH })
        }
        (None, Some(url), _) => (OF_METRICS, url, ""),
        (None, None, Some(url)) => (OF_ALL, url, PATH),
        (None, None, None) => return Ok(None),
    };
    // What is before an @ may be a password.
    let shown = if url.contains('@') { "…" } else { &*url };
    let uri: Uri = url.parse().map_err(|_| wrong(name, shown, "that is no URL, as http://127.0.0.1:4318"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
        return Err(wrong(name, shown, "it begins with http:// or https:// and a host").into());
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        let why = "a user and a password belong in OTEL_EXPORTER_OTLP_HEADERS";
        return Err(wrong(name, shown, why).into());
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let path = if path.is_empty() {
        uri.path().to_owned()
    } else {
        format!("{}{path}", uri.path().trim_end_matches('/'))
    };
    let mut parts = uri.into_parts();
    parts.path_and_query = Some(format!("{path}{query}").parse()?);
    Ok(Some(Uri::from_parts(parts)?))
}

/// Of the values of headers nothing is told: they are secrets.
fn headers(environment: Environment<'_>) -> Result<HeaderMap> {
    let Some((name, _)) = of_metrics(environment, "HEADERS") else { return Ok(HeaderMap::new()) };
    let mut headers = HeaderMap::new();
    for (key, value) in pairs(environment, &name)? {
        let bad = || wrong(&name, "…", &format!("`{key}` is no header, or cannot have that value"));
        let header = HeaderName::try_from(&key).map_err(|_| bad())?;
        let mut value = HeaderValue::try_from(value).map_err(|_| bad())?;
        value.set_sensitive(true);
        headers.insert(header, value);
    }
    Ok(headers)
}

fn trust(environment: Environment<'_>) -> Result<Trust> {
    let file = |name: &str| of_metrics(environment, name).map(|(_, path)| PathBuf::from(path));
    let client = match (file("CLIENT_CERTIFICATE"), file("CLIENT_KEY")) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => {
            let both = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY go together";
            return Err(Fault::usage(both).into());
        }
    };
    Ok(Trust { certificate: file("CERTIFICATE"), client })
}

/// The variable of metrics, else that of all signals, with its name.
fn of_metrics(environment: Environment<'_>, name: &str) -> Option<(String, String)> {
    ["OTEL_EXPORTER_OTLP_METRICS_", "OTEL_EXPORTER_OTLP_"]
        .into_iter()
        .find_map(|prefix| Some((format!("{prefix}{name}"), environment(&format!("{prefix}{name}"))?)))
}

/// `key=value,key=value`, the values percent-encoded (W3C Baggage).
pub(super) fn pairs(environment: Environment<'_>, name: &str) -> Result<Vec<(String, String)>> {
    let text = environment(name).unwrap_or_default();
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=')?;
        let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
        (!key.trim().is_empty()).then(|| (key.trim().to_owned(), value.into_owned()))
    };
    text.split(',')
        .filter(|part| !part.trim().is_empty())
        .map(|part| {
            let why = "it is `key=value,key=value`, with %2C for a comma in a value";
            pair(part).ok_or_else(|| wrong(name, "…", why).into())
        })
        .collect()
}

fn wrong(name: &str, value: &str, why: &str) -> Fault {
    Fault::usage(format!("{name} is `{value}`: {why}"))
}
