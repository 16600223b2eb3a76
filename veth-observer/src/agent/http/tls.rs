//! TLS from what the web configuration says.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result, bail, ensure};
use rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    version::{TLS12, TLS13},
};

use super::web_config::TlsServerConfig;

/// The configuration of a server, its files read.
pub(super) fn server_config(config: &TlsServerConfig) -> Result<ServerConfig> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions(config.min_version.as_deref())?)?;
    let builder = match verifier(config)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let key = PrivateKeyDer::from_pem_file(&config.key_file)
        .with_context(|| format!("cannot read a key from {}", config.key_file.display()))?;
    let mut server = builder
        .with_single_cert(certificates(&config.cert_file)?, key)
        .context("cert_file and key_file do not go together")?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(server)
}

pub(in crate::agent) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.with_context(|| format!("cannot read certificates from {}", path.display()))?;
    ensure!(!certificates.is_empty(), "no certificate in {}", path.display());
    Ok(certificates)
}

fn versions(least: Option<&str>) -> Result<&'static [&'static SupportedProtocolVersion]> {
    const FROM_12: &[&SupportedProtocolVersion] = &[&TLS12, &TLS13];
    const FROM_13: &[&SupportedProtocolVersion] = &[&TLS13];
    match least {
        None | Some("TLS12") => Ok(FROM_12),
        Some("TLS13") => Ok(FROM_13),
        Some(other) => bail!("min_version `{other}` is none that is safe: TLS12 or TLS13"),
    }
}

/// Who checks the certificates of clients; nobody unless it is asked for.
fn verifier(config: &TlsServerConfig) -> Result<Option<Arc<dyn ClientCertVerifier>>> {
    let may_have_none = match config.client_auth_type.as_deref() {
        None | Some("NoClientCert") => {
            ensure!(
                config.client_ca_file.is_none(),
                "client_ca_file says nothing without client_auth_type: RequireAndVerifyClientCert"
            );
            return Ok(None);
        }
        Some("VerifyClientCertIfGiven") => true,
        Some("RequireAndVerifyClientCert") => false,
        Some(other) => bail!(
            "client_auth_type `{other}` is none of NoClientCert, VerifyClientCertIfGiven and \
             RequireAndVerifyClientCert: a certificate that nobody verifies proves nothing"
        ),
    };
    let path = config.client_ca_file.as_deref().context("client_auth_type asks for a client_ca_file")?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).with_context(|| format!("in {}", path.display()))?;
    }
    let builder =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::new(ring::default_provider()));
    let builder = if may_have_none { builder.allow_unauthenticated() } else { builder };
    Ok(Some(builder.build()?))
}
