//! Resolving: recorded by asking the resolver that the application asked, replayed from the recording.
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    rc::Rc,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
    time::timeout,
};

use crate::{Common, now, server::Role};

/// Longer than every stub resolver's own patience.
const UPSTREAM: Duration = Duration::from_secs(15);
const LARGEST: usize = 65535;

/// Answers what arrives on one DNS slot, which stands for one resolver.
pub(crate) async fn serve_udp(socket: std::net::UdpSocket, slot: usize, common: Common, role: Role) {
    let socket = match UdpSocket::from_std(socket) {
        Ok(socket) => Rc::new(socket),
        Err(error) => return tracing::error!(%error, "a DNS socket could not be used"),
    };
    let mut buffer = vec![0; LARGEST];
    loop {
        let (n, peer) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            // An earlier answer met a closed port: that asker is gone, others are not.
            Err(error) => {
                tracing::debug!(%error, "receiving a question");
                continue;
            }
        };
        let query = buffer[..n].to_vec();
        let Some(resolver) = common.interception.resolver(slot) else { continue };
        let (socket, common, role) = (socket.clone(), common.clone(), role.clone());
        tokio::task::spawn_local(async move {
            if let Some(answer) = resolve(&query, resolver, false, &common, &role).await {
                let _ = socket.send_to(&answer, peer).await;
            }
        });
    }
}

/// Answers the questions of one TCP connection, one after the other.
pub(crate) async fn serve_tcp(mut app: TcpStream, resolver: SocketAddr, common: &Common, role: &Role) {
    while let Ok(query) = read_message(&mut app).await {
        let Some(answer) = resolve(&query, resolver, true, common, role).await else { return };
        if write_message(&mut app, &answer).await.is_err() {
            return;
        }
    }
}

/// None: no answer came, and the application is left to its own patience.
async fn resolve(query: &[u8], resolver: SocketAddr, tcp: bool, common: &Common, role: &Role) -> Option<Vec<u8>> {
    match role {
        Role::Replay(answers) => {
            let answer = answers.resolve(query);
            for (name, address) in learn(query, &answer, common) {
                let of_name = |(host, ..): &(String, u16, String)| host.eq_ignore_ascii_case(&name);
                for (_, port, how) in answers.out_of_reach().into_iter().filter(of_name) {
                    common.interception.refuse(SocketAddr::new(address, port), &how);
                }
            }
            Some(if tcp { answer } else { dns::fit_udp(query, answer) })
        }
        Role::Record(backlog) => {
            let started = now();
            let asked = if tcp {
                timeout(UPSTREAM, ask_tcp(query, resolver)).await
            } else {
                timeout(UPSTREAM, ask_udp(query, resolver)).await
            };
            match asked {
                Ok(Ok(answer)) => {
                    learn(query, &answer, common);
                    backlog.sink().resolved(resolver, query, &answer, started);
                    Some(answer)
                }
                Ok(Err(error)) => {
                    tracing::warn!(%resolver, %error, "the resolver did not answer");
                    None
                }
                Err(_) => None,
            }
        }
    }
}

/// From now on the addresses in the answer are shown by the name that was asked for. Returns both.
fn learn(query: &[u8], answer: &[u8], common: &Common) -> Vec<(String, IpAddr)> {
    let Some((_, response)) = dns::document_of(query, answer) else { return Vec::new() };
    let mut learned = dns::addresses(&response);
    for (name, address) in &mut learned {
        name.truncate(name.trim_end_matches('.').len());
        common.names.learn(*address, name);
    }
    learned
}

async fn ask_udp(query: &[u8], resolver: SocketAddr) -> io::Result<Vec<u8>> {
    let here: SocketAddr =
        if resolver.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(here).await?;
    socket.connect(resolver).await?;
    socket.send(query).await?;
    let mut buffer = vec![0; LARGEST];
    loop {
        let n = socket.recv(&mut buffer).await?;
        // Anything else that arrives here is not the answer.
        if buffer.get(..2) == query.get(..2) {
            buffer.truncate(n);
            return Ok(buffer);
        }
    }
}

async fn ask_tcp(query: &[u8], resolver: SocketAddr) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(resolver).await?;
    write_message(&mut stream, query).await?;
    read_message(&mut stream).await
}

/// DNS over TCP: each message behind its length.
async fn read_message(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut message = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut message).await?;
    Ok(message)
}
async fn write_message(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let len = u16::try_from(message.len()).map_err(io::Error::other)?;
    let mut framed = len.to_be_bytes().to_vec();
    framed.extend_from_slice(message);
    stream.write_all(&framed).await
}
