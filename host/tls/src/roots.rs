//! Whom the application trusts, so that we trust nobody else in its place.
use std::{collections::HashSet, path::PathBuf, sync::Arc};

use rustls::{
    CertificateError, Error, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier as _},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};

/// The authorities that upstream certificates are verified against.
pub(crate) struct Roots {
    verifier: Option<Arc<WebPkiServerVerifier>>,
    /// As given: a certificate that is itself in the list needs no signature of anybody.
    known: HashSet<Vec<u8>>,
}

impl Roots {
    /// Those that this machine trusts (`SSL_CERT_FILE` and `SSL_CERT_DIR` count, as for the application), and those in
    /// these PEM files.
    pub fn load(provider: &Arc<CryptoProvider>, files: &[PathBuf]) -> Self {
        let native = rustls_native_certs::load_native_certs();
        for error in &native.errors {
            tracing::debug!(%error, "an authority of this machine cannot be read");
        }
        let mut certificates = native.certs;
        for file in files {
            match CertificateDer::pem_file_iter(file) {
                Ok(found) => certificates.extend(found.flatten()),
                Err(error) => tracing::debug!(file = %file.display(), %error, "no authorities there"),
            }
        }
        Self::of(provider, certificates)
    }

    pub fn of(provider: &Arc<CryptoProvider>, certificates: Vec<CertificateDer<'static>>) -> Self {
        let known = certificates.iter().map(|certificate| certificate.to_vec()).collect();
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(certificates);
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone()).build();
        Self { verifier: verifier.ok(), known }
    }

    /// Was this chain signed by somebody we trust? Whose name it is in does not matter here: the application sees the
    /// same names.
    ///
    /// # Errors
    /// In words: why not.
    pub fn verify(&self, chain: &[CertificateDer<'_>], name: &ServerName<'_>) -> Result<(), String> {
        let [server, others @ ..] = chain else { return Err("it showed no certificate".to_owned()) };
        if self.known.contains(server.as_ref()) {
            return Ok(());
        }
        let Some(verifier) = &self.verifier else { return Err("this machine trusts no authority at all".to_owned()) };
        match verifier.verify_server_cert(server, others, name, &[], UnixTime::now()) {
            Ok(_) => Ok(()),
            // Names are looked at last.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(()),
            Err(Error::InvalidCertificate(error)) => Err(in_words(&error)),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn in_words(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => "nobody this machine trusts has signed its certificate".to_owned(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet".to_owned()
        }
        // Self-signed, as test servers have them.
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "it has signed its certificate itself".to_owned()
        }
        other => other.to_string(),
    }
}
