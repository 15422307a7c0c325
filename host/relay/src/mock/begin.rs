//! How a connection begins: whether it is encrypted, and who reads it.
use std::{sync::Arc, time::Duration};

use plugins::{Detected, Peer, Plugin, SpeaksFirst};
use tokio::time::timeout;

use crate::{Common, ConnectionInfo, pump::Buffer, stream::Stream, tls};

/// Takes TLS off, when the application begins with it. Waits for its first bytes, unless the server speaks first here.
pub(super) async fn begin(
    stream: Stream,
    info: &ConnectionInfo,
    common: &Common,
    spoken: &[String],
    first: &mut Vec<u8>,
) -> Result<(Stream, bool), String> {
    let parsers: Vec<_> = spoken.iter().filter_map(|protocol| common.registry.get(protocol)).collect();
    if let [parser] = parsers[..]
        && matches!(parser.manifest.speaks_first, SpeaksFirst::Server)
    {
        return Ok((stream, false));
    }
    if !read_first(&stream, first).await? {
        return Ok((stream, false));
    }
    if !tls::is_hello(first) {
        return Ok((stream, false));
    }
    let Stream::Plain(socket) = stream else { return Ok((stream, true)) };
    let alpn: Vec<String> = parsers.iter().flat_map(|parser| parser.manifest.alpn.clone()).collect();
    let stream = tls::be_server(&common.tls, info, socket, std::mem::take(first), &alpn).await?;
    Ok((stream, true))
}

/// Some bytes more. False: there are none, and there will be none.
async fn read_first(stream: &Stream, first: &mut Vec<u8>) -> Result<bool, String> {
    let mut buffer = Buffer::take();
    loop {
        let gone = |_| "the application closed it without a word".to_owned();
        stream.readable().await.map_err(gone)?;
        match stream.try_read(&mut buffer) {
            Ok(0) => return Ok(false),
            Ok(n) => {
                first.extend_from_slice(&buffer[..n]);
                return Ok(true);
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(gone(error)),
        }
    }
}

/// The parser that was used for this destination; else the one that recognises what the application says.
pub(super) async fn choose(
    stream: &Stream,
    encrypted: bool,
    info: &ConnectionInfo,
    common: &Common,
    recorded: &[String],
    first: &mut Vec<u8>,
) -> Result<Arc<Plugin>, String> {
    if let [protocol] = recorded {
        return common.registry.get(protocol).cloned().ok_or_else(|| {
            format!("it was recorded as {protocol}, for which there is no parser\nhint: --plugins DIR adds parsers")
        });
    }
    // Several protocols, or none: the application has to speak first. One that is silent after that waits for us.
    const PATIENCE: Duration = Duration::from_millis(250);
    let peer = Peer { host: info.host.clone(), port: info.address.port(), encrypted };
    loop {
        match common.registry.detect(&peer, false, first, &[]) {
            Detected::Plugin(plugin) if !first.is_empty() => return Ok(plugin),
            Detected::Nobody if !first.is_empty() => break,
            _ if first.len() >= 16 << 10 => break,
            _ => {}
        }
        let patience = if first.is_empty() { Duration::MAX } else { PATIENCE };
        if !timeout(patience, read_first(stream, first)).await.unwrap_or(Ok(false))? {
            let found = common.registry.detect_now(&peer, false, first, &[]);
            return found.ok_or_else(|| match first.is_empty() {
                true => "the application closed it without a word".to_owned(),
                false => "no parser recognises what the application says".to_owned(),
            });
        }
    }
    Err("no parser recognises what the application says".to_owned())
}
