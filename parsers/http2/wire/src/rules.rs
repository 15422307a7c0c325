//! What fields have to be like (RFC 9113, 8.1 to 8.3). Who breaks it breaks a stream, never the connection.
use crate::{Fields, fields::is_token};

/// Fields that speak of one HTTP/1 connection.
const OF_A_CONNECTION: [&str; 5] = ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

/// Which pseudo-fields may be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Request,
    Response,
    Trailers,
}

/// Is this what a request, a response or trailers may begin with?
pub fn allow(part: Part, fields: &Fields) -> bool {
    let known: &[&str] = match part {
        Part::Request => &[":method", ":scheme", ":path", ":authority", ":protocol"],
        Part::Response => &[":status"],
        Part::Trailers => &[],
    };
    let mut pseudo = Vec::new();
    let mut ordinary = false;
    for (name, value) in fields.iter() {
        let fits = if name.starts_with(':') {
            let new = !ordinary && known.contains(&name) && !pseudo.contains(&name);
            pseudo.push(name);
            new
        } else {
            ordinary = true;
            let lower = name.bytes().all(|byte| is_token(byte) && !byte.is_ascii_uppercase());
            let te = name != "te" || value == b"trailers" || part == Part::Response;
            !name.is_empty() && lower && te && !OF_A_CONNECTION.contains(&name)
        };
        if !fits || !is_value(name, value) {
            return false;
        }
    }
    match part {
        Part::Request if fields.get(":method") == Some(b"CONNECT") => pseudo.contains(&":authority"),
        Part::Request => {
            [":method", ":scheme", ":path"].iter().all(|name| pseudo.contains(name))
                && fields.get(":path").is_some_and(|path| !path.is_empty())
        }
        Part::Response => fields.text(":status").is_some_and(|status| status.len() == 3),
        Part::Trailers => true,
    }
}

/// No line breaks, and no end of a text; but what gRPC calls `-bin` may be anything, among those who have agreed on it.
pub fn is_value(name: &str, value: &[u8]) -> bool {
    name.ends_with("-bin") || !value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

/// What Content-Length says; `Err` when it says nothing sensible.
pub fn content_length(fields: &Fields) -> Result<Option<u64>, ()> {
    match fields.get("content-length") {
        None => Ok(None),
        Some(_) => fields.text("content-length").and_then(|text| text.parse().ok()).map(Some).ok_or(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Part, allow, content_length};
    use crate::Fields;

    const GET: [(&str, &str); 3] = [(":method", "GET"), (":scheme", "http"), (":path", "/")];

    fn fields(list: &[(&str, &str)]) -> Fields {
        list.iter().copied().collect()
    }

    #[test]
    fn requests_are_whole_and_in_order() {
        assert!(allow(Part::Request, &fields(&GET)));
        let with = |more: &[(&str, &str)]| allow(Part::Request, &fields(&[&GET, more].concat()));
        assert!(with(&[(":authority", "h"), ("te", "trailers"), ("x", "1")]));
        for more in [
            (":status", "200"),
            (":path", "/again"),
            (":unknown", ""),
            ("X-Upper", "1"),
            ("te", "gzip"),
            ("connection", "close"),
            ("a b", ""),
            ("x", "1\r\ny: 2"),
        ] {
            assert!(!with(&[more]), "{more:?}");
        }
        assert!(!with(&[("x", "1"), (":authority", "h")]), "pseudo-fields come first");
        for missing in 0..GET.len() {
            let mut rest = GET.to_vec();
            rest.remove(missing);
            assert!(!allow(Part::Request, &fields(&rest)));
        }
        assert!(!allow(Part::Request, &fields(&[(":method", "GET"), (":scheme", "http"), (":path", "")])));
        assert!(allow(Part::Request, &fields(&[(":method", "CONNECT"), (":authority", "h:1")])));
    }

    #[test]
    fn responses_have_a_status_and_trailers_no_pseudo_fields() {
        assert!(allow(Part::Response, &fields(&[(":status", "200"), ("x", "1")])));
        assert!(!allow(Part::Response, &fields(&[("x", "1")])));
        assert!(allow(Part::Trailers, &fields(&[("grpc-status", "0")])));
        assert!(!allow(Part::Trailers, &fields(&[(":status", "200")])));
    }

    #[test]
    fn lengths_are_numbers() {
        assert_eq!(content_length(&fields(&[("content-length", "7")])), Ok(Some(7)));
        assert_eq!(content_length(&fields(&[])), Ok(None));
        assert_eq!(content_length(&fields(&[("content-length", "x")])), Err(()));
    }
}
