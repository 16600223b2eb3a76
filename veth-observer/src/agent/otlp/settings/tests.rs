//! Flags and variables, and what they come to.

use super::*;

const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4318");

fn of(flags: &Flags, variables: &[(&str, &str)]) -> Result<Option<Settings>> {
    let environment =
        |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    settings(flags, &environment, "1")
}

fn set(variables: &[(&str, &str)]) -> Settings {
    of(&Flags::default(), &[&[ENDPOINT], variables].concat()).unwrap().unwrap()
}

fn refused(variables: &[(&str, &str)]) -> String {
    let error = of(&Flags::default(), &[&[ENDPOINT], variables].concat()).unwrap_err();
    assert_eq!(error.downcast_ref::<Fault>().unwrap().kind.exit_code(), 2);
    error.to_string()
}

#[test]
fn without_a_receiver_nothing_is_pushed() {
    assert!(of(&Flags::default(), &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).unwrap().is_none());
    let disabled = [ENDPOINT, ("OTEL_SDK_DISABLED", "True")];
    assert!(of(&Flags::default(), &disabled).unwrap().is_none());
    let flags = Flags { otlp_interval: Some(Duration::from_secs(1)), ..Flags::default() };
    assert!(of(&flags, &[]).is_err());
}

#[test]
fn the_path_is_added_to_what_is_for_all_signals() {
    let of_all = |url: &str| {
        of(&Flags::default(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", url)]).map(|it| it.unwrap().endpoint)
    };
    for (url, endpoint) in [
        ("http://a", "http://a/v1/metrics"),
        ("http://a:4318/", "http://a:4318/v1/metrics"),
        ("https://a/b", "https://a/b/v1/metrics"),
        ("https://a/b/?c=d", "https://a/b/v1/metrics?c=d"),
        ("http://[::1]:4318", "http://[::1]:4318/v1/metrics"),
        ("http://a/v1/metrics", "http://a/v1/metrics/v1/metrics"),
    ] {
        assert_eq!(of_all(url).unwrap().to_string(), endpoint, "{url}");
    }
    let as_it_is = |url: &str| {
        let both = [ENDPOINT, ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", url)];
        of(&Flags::default(), &both).unwrap().unwrap().endpoint.to_string()
    };
    assert_eq!(as_it_is("http://m/x/"), "http://m/x/");
    assert_eq!(as_it_is("http://m"), "http://m/");
    let flag = |url: &str| {
        let flags = Flags { otlp_endpoint: Some(url.to_owned()), ..Flags::default() };
        let both = [ENDPOINT, ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://m")];
        of(&flags, &both).unwrap().unwrap().endpoint.to_string()
    };
    assert_eq!(flag("http://f:1"), "http://f:1/v1/metrics");
    assert_eq!(flag("http://f:1/v1/metrics"), "http://f:1/v1/metrics");
    for url in ["a:4318", "/v1/metrics", "ftp://a", "http://", "unix:/run/x", "http://user:secret@a", "x y@z"]
    {
        let error = of_all(url).unwrap_err().to_string();
        assert!(!error.contains("secret") && error.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{error}");
    }
}

#[test]
fn what_is_for_metrics_goes_before_what_is_for_all_signals() {
    let set = set(&[
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1"),
        ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "2500"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
        ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca"),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/c"),
        ("OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY", "/k"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=1"),
        ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "b = x%2Cy,c=%C3%A4, d="),
    ]);
    assert_eq!((set.timeout, set.gzip), (Duration::from_millis(2500), true));
    assert_eq!(set.trust.certificate, Some("/ca".into()));
    assert_eq!(set.trust.client, Some(("/c".into(), "/k".into())));
    let headers: Vec<(&str, &[u8])> =
        set.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    assert_eq!(headers, [("b", &b"x,y"[..]), ("c", "ä".as_bytes()), ("d", b"")]);
    assert!(set.headers.values().all(HeaderValue::is_sensitive));
}

#[test]
fn defaults_are_those_of_the_specification() {
    let plain = set(&[]);
    assert_eq!((plain.interval, plain.timeout), (Duration::from_mins(1), Duration::from_secs(10)));
    assert!(!plain.gzip && plain.headers.is_empty() && plain.trust.certificate.is_none());
    assert_eq!(set(&[("OTEL_METRIC_EXPORT_INTERVAL", "5000")]).interval, Duration::from_secs(5));
    let flags = Flags { otlp_interval: Some(Duration::from_secs(7)), ..Flags::default() };
    let both = [ENDPOINT, ("OTEL_METRIC_EXPORT_INTERVAL", "5000")];
    assert_eq!(of(&flags, &both).unwrap().unwrap().interval, Duration::from_secs(7));
}

#[test]
fn what_cannot_be_meant_is_refused_by_the_name_of_its_variable() {
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "99"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "secret"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=secret%0A"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a b=secret"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=%FF"),
        ("OTEL_RESOURCE_ATTRIBUTES", "=secret"),
    ] {
        let error = refused(&[(name, value)]);
        assert!(error.contains(name) && !error.contains("secret"), "{error}");
    }
    assert!(refused(&[("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/k")]).contains("go together"));
}
