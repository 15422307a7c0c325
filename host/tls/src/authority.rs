//! The run's own authority, and certificates by it.
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::{
    DigitallySignedStruct, DistinguishedName as RawName, Error, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};

/// What a certificate that we show the application is made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Seen {
    /// The names and addresses it is good for.
    pub names: Vec<String>,
    /// For clients that read it: where the real certificate has its only name.
    pub common_name: Option<String>,
    /// Signed by the authority that the application trusts?
    pub trusted: bool,
}

impl Seen {
    /// A trusted certificate for these names.
    pub fn good_for(names: Vec<String>) -> Self {
        Self { names, common_name: None, trusted: true }
    }

    /// Like the real certificate, as far as somebody who dials `dialled` looks at it.
    pub fn like(real: &CertificateDer<'_>, dialled: &[String], trusted: bool) -> Self {
        let Ok(cert) = webpki::EndEntityCert::try_from(real) else {
            return Self { names: Vec::new(), common_name: None, trusted };
        };
        let mut names: Vec<String> = cert.valid_dns_names().map(str::to_owned).collect();
        let addresses = dialled.iter().filter(|name| name.parse::<IpAddr>().is_ok());
        names.extend(addresses.filter(|address| is_valid_for(&cert, address)).cloned());
        // Names in the subject alone count for nothing nowadays, but some clients still look there.
        let in_subject = |name: &&String| contains(cert.subject(), name.as_bytes());
        let common_name = if names.is_empty() { dialled.iter().find(in_subject).cloned() } else { None };
        Self { names, common_name, trusted }
    }
}

fn is_valid_for(cert: &webpki::EndEntityCert<'_>, name: &str) -> bool {
    ServerName::try_from(name).is_ok_and(|name| cert.verify_is_valid_for_subject_name(&name).is_ok())
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && haystack.windows(needle.len()).any(|window| window == needle)
}

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// What a configuration is made for: connections of one kind share it, and with it their sessions.
type Kind = (Seen, Option<Vec<u8>>, bool);

pub(crate) struct Authority {
    trusted: Issuer,
    /// Nobody has ever heard of it.
    stranger: Issuer,
    /// Of all certificates.
    key: KeyPair,
    provider: Arc<CryptoProvider>,
    made: Mutex<HashMap<Kind, Arc<ServerConfig>>>,
}

/// The first key of a process waits 15 ms until the library has measured enough noise. This lets it begin, on a thread of its
/// own; who wants a key meanwhile waits for the rest.
pub fn gather_entropy() {
    std::thread::spawn(|| drop(KeyPair::generate()));
}

impl Authority {
    pub fn new(provider: Arc<CryptoProvider>) -> Result<Self, rcgen::Error> {
        Ok(Self {
            trusted: issuer("keploy, for this run only")?,
            stranger: issuer("keploy: the real certificate cannot be verified")?,
            key: KeyPair::generate()?,
            provider,
            made: Mutex::default(),
        })
    }

    /// The certificate that the application has to trust.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        self.trusted.der()
    }
    pub fn pem(&self) -> String {
        self.trusted.pem()
    }

    /// How to be that server. `alpn` is what was agreed on; `asks` for a certificate of the client, as the real one does.
    pub fn server(&self, seen: Seen, alpn: Option<Vec<u8>>, asks: bool) -> Result<Arc<ServerConfig>, Error> {
        let kind = (seen, alpn, asks);
        if let Some(made) = self.made.lock().unwrap_or_else(PoisonError::into_inner).get(&kind) {
            return Ok(made.clone());
        }
        let certificate = self.leaf(&kind.0).map_err(|error| Error::General(error.to_string()))?;
        let key = PrivatePkcs8KeyDer::from(self.key.serialize_der());
        let builder =
            ServerConfig::builder_with_provider(self.provider.clone()).with_safe_default_protocol_versions()?;
        let builder = match asks {
            true => builder.with_client_cert_verifier(Arc::new(Anybody(self.provider.clone()))),
            false => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(vec![certificate], key.into())?;
        config.alpn_protocols = kind.1.iter().cloned().collect();
        let config = Arc::new(config);
        self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(kind, config.clone());
        Ok(config)
    }

    fn leaf(&self, seen: &Seen) -> Result<CertificateDer<'static>, rcgen::Error> {
        let mut params = CertificateParams::default();
        let name = seen.common_name.as_ref().or(seen.names.first()).map_or("keploy", |name| name);
        params.distinguished_name = named(name);
        for name in &seen.names {
            params.subject_alt_names.push(match name.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(name.as_str().try_into()?),
            });
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        always_valid(&mut params);
        let issuer = if seen.trusted { &self.trusted } else { &self.stranger };
        Ok(params.signed_by(&self.key, issuer)?.der().clone())
    }
}

fn issuer(name: &str) -> Result<Issuer, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    always_valid(&mut params);
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// Now, and at whatever time the application is made to live.
fn always_valid(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(2099, 12, 31);
}

/// Takes any certificate of a client, or none: whether it was good enough, the real server says.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ClientCertVerifier for Anybody {
    fn client_auth_mandatory(&self) -> bool {
        false
    }
    fn root_hint_subjects(&self) -> &[RawName] {
        &[]
    }
    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
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

#[cfg(test)]
mod tests {
    use rustls::crypto::aws_lc_rs;

    use super::*;
    use crate::roots::Roots;

    fn signed(issuer: &Issuer, names: &[&str], common_name: &str) -> CertificateDer<'static> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.distinguished_name = named(common_name);
        let key = KeyPair::generate().expect("a key");
        params.signed_by(&key, issuer).expect("signed").der().clone()
    }

    fn names(dialled: &[&str]) -> Vec<String> {
        dialled.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn the_names_are_those_of_the_real_certificate() {
        let issuer = issuer("somebody").expect("an issuer");
        let real = signed(&issuer, &["a.test", "*.b.test", "127.0.0.1"], "whatever");
        let seen = Seen::like(&real, &names(&["c.test", "127.0.0.1", "127.0.0.9"]), true);
        assert_eq!(seen, Seen { names: names(&["a.test", "*.b.test", "127.0.0.1"]), common_name: None, trusted: true });
        let old = signed(&issuer, &[], "db.test");
        let seen = Seen::like(&old, &names(&["db.test"]), false);
        assert_eq!(seen, Seen { names: Vec::new(), common_name: Some("db.test".to_owned()), trusted: false });
    }

    #[test]
    fn only_those_who_are_to_be_trusted_verify() {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let authority = Authority::new(provider.clone()).expect("an authority");
        let roots = Roots::of(&provider, vec![authority.certificate().clone()]);
        let leaf = |trusted| authority.leaf(&Seen { trusted, ..Seen::good_for(names(&["a.test"])) }).expect("a leaf");
        let name = |name: &'static str| ServerName::try_from(name).expect("a name");
        assert_eq!(roots.verify(&[leaf(true)], &name("a.test")), Ok(()));
        // Whose name it is, the application sees for itself.
        assert_eq!(roots.verify(&[leaf(true)], &name("b.test")), Ok(()));
        let stranger = roots.verify(&[leaf(false)], &name("a.test"));
        assert_eq!(stranger, Err("nobody this machine trusts has signed its certificate".to_owned()));
        // A server's own certificate, named as an authority.
        let own = signed(&authority.stranger, &["a.test"], "own");
        assert_eq!(Roots::of(&provider, vec![own.clone()]).verify(&[own], &name("a.test")), Ok(()));
    }
}
