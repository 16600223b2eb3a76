//! Whom to trust.

use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{PrivateKeyDer, pem::PemObject},
};

use super::settings::Trust;
use crate::{agent::http::certificates, fault::Fault};

pub(super) fn client_config(trust: &Trust) -> Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots(trust)?);
    let Some((certificate, key)) = &trust.client else { return Ok(builder.with_no_client_auth()) };
    let private = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("cannot read a key from {}", key.display()))?;
    builder
        .with_client_auth_cert(certificates(certificate)?, private)
        .with_context(|| format!("{} and {} do not go together", certificate.display(), key.display()))
}

fn roots(trust: &Trust) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = &trust.certificate {
        for certificate in certificates(path)? {
            roots.add(certificate).with_context(|| format!("in {}", path.display()))?;
        }
        return Ok(roots);
    }
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(Fault::unavailable("this system trusts no certificate authority")
            .fix("install ca-certificates, or name a file in OTEL_EXPORTER_OTLP_CERTIFICATE")
            .into());
    }
    Ok(roots)
}
