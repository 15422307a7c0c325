//! Documents as what goes out on a stream.
use http2_wire::{Endpoint, Fields, StreamId};
use keploy_sdk::Value;

use crate::{
    document::{self, Codec, Turn},
    proto::Of,
};

/// Writes a response. `has_more`: it is part of one, and the call ends only if it says so.
///
/// # Errors
/// In words, when the document cannot be written.
pub fn write(
    endpoint: &mut Endpoint,
    stream: StreamId,
    response: &Value,
    has_more: bool,
    codec: Codec<'_>,
) -> Result<(), String> {
    let fields = document::head(response)?;
    let (trailers, reset) = (document::trailers(response)?, document::reset(response)?);
    let data = document::data(response, document::coding(&fields), Of::Response, codec)?;
    let has_status = fields.get("grpc-status").is_some();
    let is_open = trailers.is_none() && !has_status && (has_more || document::is_set(response, "unfinished"));
    let ends = reset.is_none() && !is_open;
    if response.get("headers").is_some() {
        endpoint.send_headers(stream, &fields, ends && data.is_empty() && trailers.is_none());
    }
    if !data.is_empty() {
        endpoint.send_data(stream, data, ends && trailers.is_none());
    }
    match (trailers, reset) {
        // An end without a word, where nothing was said at all, is one, too.
        (Some(trailers), _) if trailers.is_empty() => endpoint.send_data(stream, Vec::new(), true),
        (Some(trailers), _) => endpoint.send_trailers(stream, trailers),
        (None, Some(code)) => endpoint.reset(stream, code),
        (None, None) => {}
    }
    Ok(())
}

/// Writes a request on a new stream, or goes on with one.
///
/// # Errors
/// In words, when the document cannot be written.
pub fn ask(
    endpoint: &mut Endpoint,
    stream: StreamId,
    request: &Value,
    head: &Fields,
    codec: Codec<'_>,
) -> Result<(), String> {
    let turn = Turn::of(request);
    let data = document::data(request, document::coding(head), Of::Request, codec)?;
    let stays = turn.has_more || request.get("cancelled").is_some();
    let ends_at_once = data.is_empty() && !stays;
    if turn.number <= 1 {
        endpoint.send_headers(stream, head, ends_at_once && request.get("body").is_none());
    }
    if !data.is_empty() || ends_at_once {
        endpoint.send_data(stream, data, !stays);
    }
    Ok(())
}

/// `grpc-message` is text with everything that is not plain ASCII in percent coding.
pub fn percent_coded(mut fields: Fields) -> Fields {
    let Some(message) = fields.get("grpc-message") else { return fields };
    let mut coded = Vec::with_capacity(message.len());
    for byte in message {
        match byte {
            b'%' | 0..=0x1f | 0x7f.. => coded.extend(format!("%{byte:02X}").bytes()),
            plain => coded.push(*plain),
        }
    }
    fields.replace("grpc-message", &coded);
    fields
}
