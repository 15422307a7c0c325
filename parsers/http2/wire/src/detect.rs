//! Is this HTTP/2, and what is it for, as far as the first bytes tell?
use crate::{
    Error, Event, Fields, Reader,
    frame::{Head, PREFACE, kind},
};

/// What the first bytes of both sides come to.
#[derive(Debug, PartialEq)]
pub enum First {
    /// Something else.
    Other,
    /// The start of the preface, or of a server's SETTINGS.
    Perhaps,
    /// HTTP/2; no request is complete yet.
    Nothing,
    /// The first request's fields.
    Request(Fields),
}

/// Is a request with these fields a gRPC call? What browsers are offered (`application/grpc-web`) is HTTP.
pub fn is_grpc(fields: &Fields) -> bool {
    let kind = fields.text("content-type").and_then(|kind| kind.strip_prefix("application/grpc"));
    kind.is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';']))
}

/// Looks at the start of a connection.
pub fn first_request(client: &[u8], server: &[u8]) -> First {
    if client.is_empty() {
        // A server need not wait for its client.
        let is_settings = Head::read(server)
            .is_some_and(|head| head.kind == kind::SETTINGS && head.stream == 0 && head.length % 6 == 0);
        return if server.is_empty() || is_settings { First::Perhaps } else { First::Other };
    }
    if !PREFACE.starts_with(client.get(..PREFACE.len()).unwrap_or(client)) {
        return First::Other;
    }
    if client.len() < PREFACE.len() {
        return First::Perhaps;
    }
    let mut reader = Reader::of_client();
    reader.push(0, client);
    let mut first = || -> Result<First, Error> {
        while let Some((_, event)) = reader.next_event()? {
            if let Event::Headers { fields, .. } = event {
                return Ok(First::Request(fields));
            }
        }
        Ok(First::Nothing)
    };
    first().unwrap_or(First::Other)
}

#[cfg(test)]
mod tests {
    use super::{First, first_request, is_grpc};
    use crate::{Endpoint, Fields, PREFACE, Role};

    #[test]
    fn the_first_request_is_found_and_every_start_is_undecided() {
        let mut client = Endpoint::new(Role::Client);
        let stream = client.open();
        let fields: Fields = [(":method", "GET"), (":path", "/")].into_iter().collect();
        client.send_headers(stream, &fields, true);
        let said = client.take_output();
        assert_eq!(first_request(&said, &[]), First::Request(fields));
        for cut in 0..said.len() {
            let expected = if cut < PREFACE.len() { First::Perhaps } else { First::Nothing };
            assert_eq!(first_request(said.get(..cut).unwrap_or_default(), &[]), expected, "cut at {cut}");
        }
    }

    #[test]
    fn calls_are_told_by_their_content_type() {
        for (kind, is_call) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc; charset=utf-8", true),
            ("application/grpc-web", false),
            ("application/json", false),
        ] {
            let fields: Fields = [("content-type", kind)].into_iter().collect();
            assert_eq!(is_grpc(&fields), is_call, "{kind}");
        }
    }

    #[test]
    fn others_are_told_apart() {
        assert_eq!(first_request(b"GET / HTTP/1.1\r\n", &[]), First::Other);
        assert_eq!(first_request(&[], b"220 smtp.example ready\r\n"), First::Other);
        assert_eq!(first_request(&[], &[0, 0, 0, 4, 0, 0, 0, 0, 0]), First::Perhaps);
        let mut wrong = PREFACE.to_vec();
        wrong.extend([0, 0, 8, 6, 0, 0, 0, 0, 0]);
        assert_eq!(first_request(&wrong, &[]), First::Other, "SETTINGS come first");
    }
}
