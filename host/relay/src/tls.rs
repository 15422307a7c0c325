//! Takes TLS off a recorded connection: a handshake with each side, and what is inside is read like any other bytes.
//!
//! The real server's handshake comes first: what it agreed to and what its certificate says is what the client gets to
//! see. Whatever cannot be taken off is left on, and goes through untouched.
use std::{io, sync::Arc};

use rustls::{
    ClientConnection, Error, ServerConfig,
    pki_types::{CertificateDer, ServerName},
    server::{Accepted, Acceptor},
};
use tls::{Seen, Tls, Upstream};
use tokio::net::TcpStream;

use crate::{
    ConnectionInfo, Direction,
    drive::LetThrough,
    pump::Buffer,
    stream::{Stream, TlsStream},
};

/// Two sockets whose next bytes are a handshake.
pub(crate) struct Encrypted {
    pub client: TcpStream,
    pub server: TcpStream,
    /// What of the handshake was read already.
    pub first: Vec<u8>,
}

/// What became of it.
pub(crate) enum TakenOff {
    Off {
        client: Stream,
        server: Stream,
        /// As destinations are remembered.
        destination: String,
        /// The name that the client asked for.
        name: Option<String>,
    },
    /// `first` has been read from the client and goes on first.
    LeftOn { client: TcpStream, server: TcpStream, first: Vec<u8>, why: String, through: Option<LetThrough> },
    /// One of the two sides did not want it.
    Broken(String),
}

/// How the server is reached anew, where the handshake is the first that is said: none of ours has been seen then.
pub(crate) trait Redial {
    /// The connection, and what has to live as long.
    async fn redial(&self) -> io::Result<(TcpStream, Option<LetThrough>)>;
}

/// A client's first flight.
pub(crate) struct Hello {
    accepted: Accepted,
    pub name: Option<String>,
    alpn: Vec<Vec<u8>>,
    /// All that was read, and how much of it the acceptor has seen.
    raw: Vec<u8>,
    seen: usize,
    /// What was read before we began.
    given: usize,
}

/// Are these the first bytes of a client that begins with TLS?
pub(crate) fn is_hello(first: &[u8]) -> bool {
    const HANDSHAKE: u8 = 22;
    const CLIENT_HELLO: u8 = 1;
    matches!(
        first,
        [HANDSHAKE, 3, 0..=4, _, _, CLIENT_HELLO, ..]
            | [HANDSHAKE, 3, 0..=4]
            | [HANDSHAKE, 3, 0..=4, _]
            | [HANDSHAKE, 3, 0..=4, _, _]
    )
}

impl Hello {
    /// Reads until the client's first flight is complete.
    ///
    /// # Errors
    /// What was read, and why it is no handshake that we can take part in.
    pub async fn read(client: &TcpStream, mut raw: Vec<u8>) -> Result<Self, (Vec<u8>, String)> {
        let (mut acceptor, mut seen, given) = (Acceptor::default(), 0, raw.len());
        loop {
            while seen < raw.len() {
                match acceptor.read_tls(&mut &raw[seen..]) {
                    Ok(n) => seen += n,
                    Err(error) => return Err((raw, error.to_string())),
                }
                match acceptor.accept() {
                    Ok(Some(accepted)) => return Ok(Self::of(accepted, raw, seen, given)),
                    Ok(None) => {}
                    Err((error, _)) => return Err((raw, format!("its first message cannot be read: {error}"))),
                }
            }
            let mut buffer = Buffer::take();
            let read = match client.readable().await {
                Ok(()) => client.try_read(&mut buffer),
                Err(error) => Err(error),
            };
            match read {
                Ok(n @ 1..) => raw.extend_from_slice(&buffer[..n]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                _ => return Err((raw, "the client went away in its first message".to_owned())),
            }
        }
    }

    fn of(accepted: Accepted, raw: Vec<u8>, seen: usize, given: usize) -> Self {
        let hello = accepted.client_hello();
        let name = hello.server_name().map(str::to_owned);
        let alpn = hello.alpn().map(|names| names.map(<[u8]>::to_vec).collect()).unwrap_or_default();
        Self { accepted, name, alpn, raw, seen, given }
    }

    /// What the client offered to speak.
    pub fn offered(&self) -> &[Vec<u8>] {
        &self.alpn
    }

    /// The rest of the handshake, as the server.
    ///
    /// # Errors
    /// When the client does not want it so.
    pub async fn answer(self, client: TcpStream, config: Arc<ServerConfig>) -> io::Result<TlsStream> {
        let mut session = match self.accepted.into_connection(config) {
            Ok(session) => session,
            Err((error, mut alert)) => {
                let mut bytes = Vec::new();
                let _ = alert.write_all(&mut bytes);
                let _ = Stream::Plain(client).write_all(&bytes).await;
                return Err(io::Error::other(error));
            }
        };
        let mut rest = &self.raw[self.seen..];
        while !rest.is_empty() {
            session.read_tls(&mut rest)?;
            session.process_new_packets().map_err(io::Error::other)?;
        }
        let stream = TlsStream::shake_hands(client, session).await?;
        stream.add_raw((self.raw.len() - self.given) as u64);
        Ok(stream)
    }
}

/// Takes TLS off a connection that is being recorded.
pub(crate) async fn take_off(
    tls: &Tls,
    info: &ConnectionInfo,
    sockets: Encrypted,
    redial: Option<&impl Redial>,
) -> TakenOff {
    let Encrypted { client, server, first } = sockets;
    let hello = match Hello::read(&client, first).await {
        Ok(hello) => hello,
        Err((first, why)) => return TakenOff::LeftOn { client, server, first, why, through: None },
    };
    let destination = destination(info, hello.name.as_deref());
    let why = match info.direction {
        Direction::Incoming if tls.own_server(None).is_none() => Some(
            "the application serves TLS\nhint: --tls-cert and --tls-key name its certificate and key, then it is read"
                .to_owned(),
        ),
        _ => tls.is_left_on(&destination),
    };
    if let Some(why) = why {
        return TakenOff::LeftOn { client, server, first: hello.raw, why, through: None };
    }
    let (upstream, config) = match dial(tls, info, &destination, server, &hello, redial.is_some()).await {
        Ok(dialled) => dialled,
        Err(why) => {
            tls.leave_on(&destination, &why);
            // The client has seen nothing of us: it can have the real thing.
            let again = match redial {
                Some(redial) => redial.redial().await.ok(),
                None => None,
            };
            return match again {
                Some((server, through)) => TakenOff::LeftOn { client, server, first: hello.raw, why, through },
                None => TakenOff::Broken(why),
            };
        }
    };
    let name = hello.name.clone();
    match hello.answer(client, config).await {
        Ok(client) if has_shown_a_certificate(&client) => {
            let why = "the application shows a certificate of its own (mTLS), whose key we do not have\n\
                       hint: upstreamTls.clientCert and upstreamTls.clientKey in keploy.yml name it"
                .to_owned();
            tls.leave_on(&destination, &why);
            TakenOff::Broken(why)
        }
        Ok(client) => {
            let (client, server) = (Stream::Tls(Box::new(client)), Stream::Tls(Box::new(upstream)));
            TakenOff::Off { client, server, destination, name }
        }
        Err(error) => {
            let why = refusal(info, &error);
            if is_refusal(&error) {
                tls.leave_on(&destination, &why);
            }
            TakenOff::Broken(why)
        }
    }
}

/// The handshake with the real server, and what the client gets to see of it.
async fn dial(
    tls: &Tls,
    info: &ConnectionInfo,
    destination: &str,
    server: TcpStream,
    hello: &Hello,
    can_redial: bool,
) -> Result<(TlsStream, Arc<ServerConfig>), String> {
    let words = |error: Error| error.to_string();
    let incoming = info.direction == Direction::Incoming;
    let upstream = match incoming {
        false => tls.upstream(destination, hello.offered()),
        true => tls.application(hello.offered()),
    };
    let upstream = upstream.map_err(words)?;
    let name = match hello.name.as_deref().and_then(|name| ServerName::try_from(name.to_owned()).ok()) {
        Some(name) => name,
        // None was asked for: none is.
        None => info.address.ip().into(),
    };
    let handshake = shake_hands(server, &upstream, name.clone()).await;
    let server = handshake.map_err(|error| format!("the TLS handshake with it failed: {error}"))?;
    if upstream.was_turned_to() && can_redial {
        return Err(if incoming {
            "the application asks its clients for certificates (mTLS)".to_owned()
        } else {
            "it asks for a client certificate (mTLS)\n\
             hint: upstreamTls.clientCert and upstreamTls.clientKey in keploy.yml name certificate and key"
                .to_owned()
        });
    }
    let session = server.session();
    let alpn = session.alpn_protocol().map(<[u8]>::to_vec);
    let config = if incoming {
        tls.own_server(alpn).expect("looked at above")
    } else {
        let chain = session.peer_certificates().unwrap_or_default();
        let seen = look_at(tls, info, destination, chain, &name, hello);
        tls.server(seen, alpn, upstream.asks()).map_err(words)?
    };
    drop(session);
    Ok((server, config))
}

/// The certificate that takes the place of the real one.
fn look_at(
    tls: &Tls,
    info: &ConnectionInfo,
    destination: &str,
    chain: &[CertificateDer<'_>],
    name: &ServerName<'_>,
    hello: &Hello,
) -> Seen {
    let trusted = match tls.verify(&info.host, chain, name) {
        Ok(()) => true,
        Err(why) => {
            if tls.is_new(destination) {
                tracing::warn!(
                    "{destination}: {why}. The application is shown a certificate that it cannot verify either.\n\
                     hint: if the application trusts it by a file of its own, name that in caFiles of keploy.yml; \
                     --insecure-upstream {} trusts it unseen",
                    info.host
                );
            }
            false
        }
    };
    let dialled = [hello.name.clone(), Some(info.host.clone()), Some(info.address.ip().to_string())];
    let dialled: Vec<_> = dialled.into_iter().flatten().collect();
    chain.first().map_or_else(
        || Seen { names: Vec::new(), common_name: None, trusted },
        |real| Seen::like(real, &dialled, trusted),
    )
}

/// # Errors
/// When the server does not want it so.
pub(crate) async fn shake_hands(
    server: TcpStream,
    upstream: &Upstream,
    name: ServerName<'static>,
) -> io::Result<TlsStream> {
    let session = ClientConnection::new(upstream.config.clone(), name).map_err(io::Error::other)?;
    TlsStream::shake_hands(server, session).await
}

/// A mocked server's side of it: good for whatever name was asked for.
///
/// # Errors
/// In words.
pub(crate) async fn be_server(
    tls: &Tls,
    info: &ConnectionInfo,
    client: TcpStream,
    first: Vec<u8>,
    spoken: &[String],
) -> Result<Stream, String> {
    let hello = Hello::read(&client, first).await.map_err(|(_, why)| why)?;
    let mut names: Vec<String> = hello.name.clone().into_iter().collect();
    names.extend([info.host.clone(), info.address.ip().to_string()]);
    if info.address.ip().is_loopback() {
        names.push("localhost".to_owned());
    }
    names.dedup();
    let spoken = |name: &&Vec<u8>| spoken.iter().any(|known| known.as_bytes() == name.as_slice());
    let alpn = hello.offered().iter().find(spoken).or(tls.readable(hello.offered()).first()).cloned();
    let config = tls.server(Seen::good_for(names), alpn, false).map_err(|error| error.to_string())?;
    match hello.answer(client, config).await {
        Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
        Err(error) => Err(refusal(info, &error)),
    }
}

/// What a destination is called where it is remembered.
fn destination(info: &ConnectionInfo, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("{name}:{}", info.address.port()),
        None => info.destination(),
    }
}

fn has_shown_a_certificate(client: &TlsStream) -> bool {
    client.session().peer_certificates().is_some_and(|chain| !chain.is_empty())
}

fn refusal(info: &ConnectionInfo, error: &io::Error) -> String {
    let who = if info.direction == Direction::Incoming { "the client" } else { "the application" };
    if is_refusal(error) {
        format!(
            "{who} does not accept keploy's certificate ({error}): it trusts only what it brings along, or a file that is \
             not known here\nhint: caFiles in keploy.yml names files of authorities that it reads"
        )
    } else {
        format!("the TLS handshake with {who} failed: {error}")
    }
}

/// An alert about the certificate, and not just any failure.
fn is_refusal(error: &io::Error) -> bool {
    use rustls::AlertDescription as Alert;
    let alert = error.get_ref().and_then(|error| error.downcast_ref::<Error>());
    let Some(Error::AlertReceived(alert)) = alert else { return false };
    matches!(
        alert,
        Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateUnknown
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::HandshakeFailure
            | Alert::InternalError
            | Alert::DecryptError
    )
}
