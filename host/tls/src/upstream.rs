//! Being the client of a real server.
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::{
        ResolvesClientCert,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    sign::CertifiedKey,
};

/// How to dial one destination. Its connections share it, and with it their sessions.
#[derive(Clone)]
pub struct Upstream {
    pub config: Arc<ClientConfig>,
    client: Arc<Client>,
}

impl Upstream {
    pub(crate) fn new(
        provider: &Arc<CryptoProvider>,
        alpn: Vec<Vec<u8>>,
        key: Option<Arc<CertifiedKey>>,
    ) -> Result<Self, Error> {
        let client = Arc::new(Client { key, asked: AtomicBool::new(false) });
        let mut config = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Later(provider.clone())))
            .with_client_cert_resolver(client.clone());
        config.alpn_protocols = alpn;
        Ok(Self { config: Arc::new(config), client })
    }

    /// It wanted to know who the client is, and we had nothing to show.
    pub fn was_turned_to(&self) -> bool {
        self.client.key.is_none() && self.client.asked.load(Ordering::Relaxed)
    }
    /// It wanted to know who the client is.
    pub fn asks(&self) -> bool {
        self.client.asked.load(Ordering::Relaxed)
    }
}

/// Shows the user's certificate, if there is one, and notes that it was asked for.
struct Client {
    key: Option<Arc<CertifiedKey>>,
    asked: AtomicBool,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl ResolvesClientCert for Client {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.key.clone()
    }
    fn has_certs(&self) -> bool {
        true // else we are not asked
    }
}

/// Lets any certificate pass: it is verified when the handshake is over, and what comes of it is shown to the
/// application. That the server has its key is checked here.
#[derive(Debug)]
struct Later(Arc<CryptoProvider>);

impl ServerCertVerifier for Later {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
