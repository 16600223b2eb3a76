//! What a client wants to have: formats by `Accept`, compression by `Accept-Encoding`.

use crate::view::metrics::Format;

/// The format that the client likes best; text when it likes none of ours, as every scraper reads that.
pub(super) fn format(accept: &str) -> Format {
    let mut best = (0, Format::Text);
    for range in ranges(accept) {
        let Some(format) = offered(&range) else { continue };
        if range.quality > best.0 {
            best = (range.quality, format);
        }
    }
    best.1
}

/// Whether a body may be compressed.
pub(super) fn gzip(accept_encoding: &str) -> bool {
    let mut any = 0;
    for coding in ranges(accept_encoding) {
        match coding.name.as_str() {
            "gzip" | "x-gzip" => return coding.quality > 0,
            "*" => any = coding.quality,
            _ => {}
        }
    }
    any > 0
}

/// One thing that is accepted, with its parameters in lower case.
struct Range {
    name: String,
    parameters: Vec<(String, String)>,
    /// Thousandths.
    quality: u32,
}

impl Range {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

fn offered(range: &Range) -> Option<Format> {
    let version = range.parameter("version");
    match range.name.as_str() {
        "application/vnd.google.protobuf" => {
            let is_ours = range.parameter("proto") == Some("io.prometheus.client.metricfamily")
                && range.parameter("encoding") == Some("delimited");
            is_ours.then_some(Format::Protobuf)
        }
        "application/openmetrics-text" => {
            version.is_none_or(|version| version == "1.0.0").then_some(Format::OpenMetrics)
        }
        // Text 1.0.0 is 0.0.4 with other names of metrics allowed, of which we have none.
        "text/plain" | "text/*" | "*/*" => Some(Format::Text),
        _ => None,
    }
}

fn ranges(header: &str) -> impl Iterator<Item = Range> {
    header.split(',').filter_map(|range| {
        let mut parts = range.split(';').map(|part| part.trim().to_ascii_lowercase());
        let name = parts.next().filter(|name| !name.is_empty())?;
        let parameters: Vec<(String, String)> = parts
            .filter_map(|part| {
                let (key, value) = part.split_once('=')?;
                Some((key.trim().to_owned(), value.trim().trim_matches('"').to_owned()))
            })
            .collect();
        let mut range = Range { name, parameters, quality: 1000 };
        if let Some(quality) = range.parameter("q") {
            range.quality = thousandths(quality)?;
        }
        Some(range)
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1000")]
fn thousandths(quality: &str) -> Option<u32> {
    let quality: f64 = quality.parse().ok()?;
    (0.0..=1.0).contains(&quality).then_some((quality * 1000.0).round() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrapers_get_what_they_ask_for() {
        for (accept, format) in [
            // Prometheus 2.42, with native histograms and without.
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,\
                 application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::Protobuf,
            ),
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::OpenMetrics,
            ),
            // Prometheus 3.
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                 application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                 text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                Format::OpenMetrics,
            ),
            ("text/plain;version=0.0.4;q=0.9,application/openmetrics-text;q=0.8", Format::Text),
            ("*/*", Format::Text),
            ("", Format::Text),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", Format::Text),
            ("application/json", Format::Text),
            ("application/openmetrics-text; version=0.0.1", Format::Text),
            ("application/openmetrics-text;q=0,text/plain;q=0.1", Format::Text),
            ("application/vnd.google.protobuf;proto=other;encoding=delimited", Format::Text),
            (
                "application/vnd.google.protobuf; proto=\"io.prometheus.client.MetricFamily\"; encoding=\"delimited\"",
                Format::Protobuf,
            ),
            (",;;=,q=1;q=,*/*;q=nan,text/plain;q=9", Format::Text),
        ] {
            assert_eq!(super::format(accept), format, "{accept}");
        }
    }

    #[test]
    fn bodies_are_compressed_for_those_who_ask() {
        for (header, yes) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip;q=0, *", false),
            ("*", true),
            ("br", false),
            ("", false),
            ("identity", false),
        ] {
            assert_eq!(gzip(header), yes, "{header}");
        }
    }
}
