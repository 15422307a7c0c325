//! Whom to trust, for rustls.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::config::Tls;
use crate::store::Result;

pub fn connector(tls: &Tls) -> Result<MakeRustlsConnect> {
    let config = match tls {
        Tls::Verify(None) => {
            let (connector, _unreadable) =
                MakeRustlsConnect::with_native_certs().map_err(|errors| format!("no roots: {errors:?}"))?;
            return Ok(connector);
        }
        Tls::Verify(Some(file)) => {
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_file_iter(file)? {
                roots.add(certificate?)?;
            }
            ClientConfig::builder().with_root_certificates(roots)
        }
        Tls::Off | Tls::Require => {
            let anybody = Anybody(rustls::crypto::ring::default_provider().signature_verification_algorithms);
            ClientConfig::builder().dangerous().with_custom_certificate_verifier(Arc::new(anybody))
        }
    };
    Ok(MakeRustlsConnect::new(config.with_no_client_auth()))
}

/// Trusts every certificate, as libpq's `sslmode=require` does.
#[derive(Debug)]
struct Anybody(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
