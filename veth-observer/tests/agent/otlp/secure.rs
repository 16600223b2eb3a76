//! TLS and headers, as the standard variables say; and what the program says of what goes wrong.

use std::{net::TcpListener, sync::Arc};

use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};

use super::{
    super::security::Folder,
    Program,
    receiver::{Receiver, taken},
};
use crate::support::netns::Lab;

/// A receiver with the certificate `server`, that asks for one of its authority.
fn receiver(folder: &Folder) -> Receiver {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.file("ca.crt")).unwrap()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let chain = vec![CertificateDer::from_pem_file(folder.file("server.crt")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(folder.file("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(chain, key)
        .unwrap();
    Receiver::with(TcpListener::bind("127.0.0.1:0").unwrap(), Some(Arc::new(config)), |_| taken(0))
}

#[test]
fn over_tls_with_secrets_compressed() {
    let folder = Folder::new("otlp");
    folder.certificates(&["server", "client"]);
    let lab = Lab::new(1);
    let file = |name: &str| folder.file(name);
    let (ca, certificate, key) = (file("ca.crt"), file("client.crt"), file("client.key"));
    // From the file that is named, and from where the system's own are said to be.
    for trusted in ["OTEL_EXPORTER_OTLP_CERTIFICATE", "SSL_CERT_FILE"] {
        let receiver = receiver(&folder);
        let url = format!("https://localhost:{}/v1/metrics", receiver.address().port());
        let variables = [
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", &*url),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "100"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20secret, x-tenant=a"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", &certificate),
            ("OTEL_EXPORTER_OTLP_CLIENT_KEY", &key),
            (trusted, &ca),
        ];
        let agent = Program::start(lab.name(0), &variables, &[]);
        let export = receiver.first(1).remove(0);
        assert_eq!(export.header("authorization"), Some("Bearer secret"));
        assert_eq!(export.header("x-tenant"), Some("a"));
        assert_eq!(export.header("content-encoding"), Some("gzip"));
        assert_eq!(export.value("veth_observer.pairs", &[]), Some(0.0));
        let said = agent.interrupt();
        assert!(said.contains(&url) && !said.contains("secret") && !said.contains("cannot"), "{said}");
    }
}

#[test]
fn a_stranger_is_told_nothing_and_the_log_says_so_once() {
    let folder = Folder::new("otlp-stranger");
    folder.certificates(&["server"]);
    let receiver = receiver(&folder);
    let lab = Lab::new(1);
    let url = format!("https://{}", receiver.address());
    let variables = [("OTEL_EXPORTER_OTLP_TIMEOUT", "5000")];
    let flags = ["--otlp-endpoint", &*url, "--otlp-interval", "100ms", "--interval", "100ms", "-j"];
    let mut agent = Program::start(lab.name(0), &variables, &flags);
    let mut reports = agent.reports();
    let failed = |report: &serde_json::Value| report["agent"]["push"]["failed"].as_u64().unwrap();
    let twice = reports.find(|report| failed(report) >= 2).expect("reports");
    assert_eq!(twice["agent"]["push"]["delivered"], 0);
    let said = agent.interrupt();
    assert_eq!(said.matches("cannot push metrics to").count(), 1, "{said}");
    assert!(said.contains("UnknownIssuer"), "{said}");
    assert_eq!(receiver.count(), 0);
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_attached() {
    let lab = Lab::new(1);
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
    for (variables, flags, word) in [
        (&[endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")][..], &[][..], "http/protobuf"),
        (&[], &["--otlp-interval", "1s"], "--otlp-endpoint"),
        (&[endpoint], &["--otlp-interval", "1ms"], "100ms"),
        (&[endpoint], &["--otlp-endpoint", "127.0.0.1:4318"], "http://"),
    ] {
        let said = Program::start(lab.name(0), variables, flags).said(2);
        assert!(said.contains(word), "{word}: {said}");
        assert!(!said.contains("serving"), "{said}");
    }
}
