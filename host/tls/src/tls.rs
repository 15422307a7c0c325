//! Everything of a run that has to do with TLS.
use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use rustls::{
    Error, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    sign::CertifiedKey,
};

use crate::{Seen, Upstream, authority::Authority, roots::Roots};

/// What the user has to say about TLS.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// PEM files of authorities that the application trusts beside the machine's.
    pub authorities: Vec<PathBuf>,
    /// Hosts whose certificates are not looked at.
    pub insecure: HashSet<String>,
    /// No certificate is looked at.
    pub insecure_all: bool,
    /// Certificate and key to show to servers that ask for one.
    pub client: Option<(PathBuf, PathBuf)>,
    /// Certificate and key that the application itself serves with.
    pub server: Option<(PathBuf, PathBuf)>,
    /// Protocols that somebody here reads, as ALPN names them.
    pub readable: HashSet<Vec<u8>>,
}

/// Why TLS cannot be read in this run.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("making an authority for this run: {0}")]
    Authority(#[from] rcgen::Error),
    #[error("{}: {why}\nhint: {hint}", file.display())]
    File { file: PathBuf, why: String, hint: &'static str },
    #[error("{}: the key does not fit the certificate: {why}", file.display())]
    Pair { file: PathBuf, why: Error },
}

/// A destination, and what is offered to it (ALPN).
type Dialled = (String, Vec<Vec<u8>>);

/// A run's TLS: its authority, whom it trusts, and what is known about destinations.
pub struct Tls {
    provider: Arc<CryptoProvider>,
    authority: Authority,
    settings: Settings,
    client: Option<Arc<CertifiedKey>>,
    server: Option<Arc<ServerConfig>>,
    /// Read when the first TLS connection is made: most runs do without.
    roots: OnceLock<Roots>,
    /// Files that the application trusts, as was found out later.
    also: OnceLock<Vec<PathBuf>>,
    upstreams: Mutex<HashMap<Dialled, Upstream>>,
    /// Destinations whose TLS is left on, and why.
    left_on: Mutex<HashMap<String, String>>,
    told: Mutex<HashSet<String>>,
    /// How often in a row a client hung up at the sight of our certificate.
    hung_up: Mutex<HashMap<String, u32>>,
}

impl Tls {
    /// # Errors
    /// When a file of the user's cannot be used.
    pub fn new(settings: Settings) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let pair = |files: &Option<(PathBuf, PathBuf)>| {
            files.as_ref().map(|(cert, key)| load_pair(&provider, cert, key)).transpose()
        };
        let (client, server) = (pair(&settings.client)?, pair(&settings.server)?);
        Ok(Self {
            authority: Authority::new(provider.clone())?,
            client: client.map(Arc::new),
            server: server.map(|pair| Arc::new(serve_with(&provider, pair))),
            settings,
            provider,
            roots: OnceLock::new(),
            also: OnceLock::new(),
            upstreams: Mutex::default(),
            left_on: Mutex::default(),
            told: Mutex::default(),
            hung_up: Mutex::default(),
        })
    }

    /// The authority's certificate, which the application has to trust: PEM and DER.
    pub fn certificate(&self) -> (String, &CertificateDer<'static>) {
        (self.authority.pem(), self.authority.certificate())
    }

    /// PEM files that the application trusts, beside those of [`Settings`]; before the first connection.
    pub fn also_trusts(&self, files: Vec<PathBuf>) {
        let _ = self.also.set(files);
    }

    /// How to dial `destination`, offering what the application offered, as far as anybody here reads it.
    ///
    /// # Errors
    /// None that is known.
    pub fn upstream(&self, destination: &str, offered: &[Vec<u8>]) -> Result<Upstream, Error> {
        let alpn = self.readable(offered);
        let mut upstreams = self.upstreams.lock().unwrap_or_else(PoisonError::into_inner);
        let known = (destination.to_owned(), alpn);
        if let Some(upstream) = upstreams.get(&known) {
            return Ok(upstream.clone());
        }
        let made = Upstream::new(&self.provider, known.1.clone(), self.client.clone())?;
        upstreams.insert(known, made.clone());
        Ok(made)
    }

    /// How to dial the application itself, which we have started.
    ///
    /// # Errors
    /// None that is known.
    pub fn application(&self, offered: &[Vec<u8>]) -> Result<Upstream, Error> {
        Upstream::new(&self.provider, self.readable(offered), None)
    }

    /// What of `offered` somebody reads; all of it when nobody reads any.
    pub fn readable(&self, offered: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let read: Vec<_> = offered.iter().filter(|name| self.settings.readable.contains(*name)).cloned().collect();
        if read.is_empty() { offered.to_vec() } else { read }
    }

    /// Would the application trust the server that showed this chain?
    ///
    /// # Errors
    /// In words: why not.
    pub fn verify(&self, host: &str, chain: &[CertificateDer<'_>], name: &ServerName<'_>) -> Result<(), String> {
        if self.settings.insecure_all || self.settings.insecure.contains(host) {
            return Ok(());
        }
        let roots = self.roots.get_or_init(|| {
            let also = self.also.get().into_iter().flatten();
            let files: Vec<_> = self.settings.authorities.iter().chain(also).cloned().collect();
            Roots::load(&self.provider, &files)
        });
        roots.verify(chain, name)
    }

    /// How to be that server for the application.
    ///
    /// # Errors
    /// When a name in it is none.
    pub fn server(&self, seen: Seen, alpn: Option<Vec<u8>>, asks: bool) -> Result<Arc<ServerConfig>, Error> {
        self.authority.server(seen, alpn, asks)
    }

    /// How to be the application for its clients, when the user has given its certificate and key.
    pub fn own_server(&self, alpn: Option<Vec<u8>>) -> Option<Arc<ServerConfig>> {
        let server = self.server.as_ref()?;
        let Some(alpn) = alpn else { return Some(server.clone()) };
        let mut config = ServerConfig::clone(server);
        config.alpn_protocols = vec![alpn];
        Some(Arc::new(config))
    }

    /// TLS of this destination stays on from now on. True: it was not known before.
    pub fn leave_on(&self, destination: &str, why: &str) -> bool {
        let mut left_on = self.left_on.lock().unwrap_or_else(PoisonError::into_inner);
        left_on.insert(destination.to_owned(), why.to_owned()).is_none()
    }
    /// True the first time that it is asked about this destination: for what is said once.
    pub fn is_new(&self, destination: &str) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(destination.to_owned())
    }
    /// A connection has ended; `silent`: the client has not said a word inside TLS. Twice in a row, and it is taken for
    /// one that pins certificates: that is looked at after the handshake, and nobody is told.
    pub fn ended(&self, destination: &str, silent: bool) {
        const ENOUGH: u32 = 2;
        let mut hung_up = self.hung_up.lock().unwrap_or_else(PoisonError::into_inner);
        let times = hung_up.entry(destination.to_owned()).or_default();
        *times = if silent { *times + 1 } else { 0 };
        if *times >= ENOUGH {
            self.leave_on(
                destination,
                "the application hangs up as soon as it has seen keploy's certificate: it pins the real one",
            );
        }
    }

    pub fn is_left_on(&self, destination: &str) -> Option<String> {
        self.left_on.lock().unwrap_or_else(PoisonError::into_inner).get(destination).cloned()
    }
}

fn serve_with(provider: &Arc<CryptoProvider>, pair: CertifiedKey) -> ServerConfig {
    ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("the provider has the default versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(pair)))
}

fn load_pair(provider: &CryptoProvider, cert: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let file = |file: &Path, why: String, hint| TlsError::File { file: file.to_owned(), why, hint };
    let chain: Vec<_> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .map_err(|error| file(cert, error.to_string(), "it takes a PEM file with a certificate"))?;
    let key_der = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| file(key, error.to_string(), "it takes a PEM file with a private key that has no password"))?;
    if chain.is_empty() {
        return Err(file(cert, "there is no certificate in it".to_owned(), "it takes a PEM file with a certificate"));
    }
    CertifiedKey::from_der(chain, key_der, provider).map_err(|why| TlsError::Pair { file: key.to_owned(), why })
}
