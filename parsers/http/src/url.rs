//! Request targets, made absolute for people and back again.
use crate::headers::Headers;

/// The URL a person would write, and the form of the target where the URL alone would not tell it.
#[derive(Debug, PartialEq, Eq)]
pub struct Url {
    pub url: String,
    pub form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// What [`to_target`] finds out by itself.
    Usual,
    /// The whole URL stood in the request line, as to a proxy.
    Absolute,
}

/// What stands before a host: TLS around the connection makes the difference.
pub fn scheme(encrypted: bool) -> &'static str {
    if encrypted { "https://" } else { "http://" }
}

/// `http://host/path` for `/path`, when there is exactly one Host to take it from. Everything else stays as sent.
pub fn of_target(scheme: &str, target: &str, headers: &Headers) -> Url {
    match host(headers) {
        Some(host) if target.starts_with('/') => Url { url: format!("{scheme}{host}{target}"), form: Form::Usual },
        _ => {
            let form = if to_target(target, headers, Form::Usual) == target { Form::Usual } else { Form::Absolute };
            Url { url: target.to_owned(), form }
        }
    }
}

/// The inverse of [`of_target`].
pub fn to_target<'a>(url: &'a str, headers: &Headers, form: Form) -> &'a str {
    if form == Form::Absolute {
        return url;
    }
    host(headers)
        .and_then(|host| url.strip_prefix("http://").or(url.strip_prefix("https://"))?.strip_prefix(host))
        .filter(|target| target.starts_with('/'))
        .unwrap_or(url)
}

/// The path of a target or URL, without query and fragment.
pub fn path(url: &str) -> &str {
    let path = match url.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|b| b.is_ascii_alphanumeric()) => match rest.find(['/', '?', '#']) {
            Some(at) => rest.get(at..).unwrap_or_default(),
            None => "/",
        },
        _ => url,
    };
    match path.find(['?', '#']) {
        Some(0) => "/",
        Some(end) => path.get(..end).unwrap_or_default(),
        None => path,
    }
}

/// The one Host field, when it looks like a host and a port.
fn host(headers: &Headers) -> Option<&str> {
    let host = std::str::from_utf8(headers.only("host")?).ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:[]%".contains(&byte);
    (!host.is_empty() && host.bytes().all(plain)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::{Form, of_target, path, to_target};
    use crate::headers::Headers;

    #[test]
    fn every_target_comes_back() {
        for hosts in [&[][..], &["a.example:8080"], &["a", "a"], &["a/b"], &["[::1]:80"]] {
            let headers: Headers = hosts.iter().map(|host| ("Host", *host)).collect();
            for target in [
                "/",
                "/x?y#z",
                "*",
                "a:443",
                "http://a.example:8080/x",
                "http://other/x",
                "http://a.example:8080",
                "//x",
            ] {
                let url = of_target("http://", target, &headers);
                assert_eq!(to_target(&url.url, &headers, url.form), target, "{url:?} with {hosts:?}");
            }
        }
    }

    #[test]
    fn people_see_a_whole_url() {
        let headers: Headers = [("host", "a.example:8080")].into_iter().collect();
        assert_eq!(of_target("http://", "/x?y", &headers).url, "http://a.example:8080/x?y");
        assert_eq!(of_target("http://", "http://a.example:8080/x", &headers).form, Form::Absolute);
        assert_eq!(of_target("http://", "http://other/x", &headers).form, Form::Usual);
    }

    #[test]
    fn paths() {
        for (url, expected) in [
            ("http://a/b/c?d#e", "/b/c"),
            ("https://a", "/"),
            ("http://a?q", "/"),
            ("/b?u=http://x/y", "/b"),
            ("*", "*"),
            ("a:443", "a:443"),
            ("?q", "/"),
        ] {
            assert_eq!(path(url), expected, "{url}");
        }
    }
}
