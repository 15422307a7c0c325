//! What can be wrong with bytes that should be HTTP/2.
use std::fmt;

use keploy_sdk::Fault;

/// Error codes (RFC 9113, section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub u32);

impl Code {
    pub const NO_ERROR: Self = Self(0x0);
    pub const PROTOCOL_ERROR: Self = Self(0x1);
    pub const FLOW_CONTROL_ERROR: Self = Self(0x3);
    pub const STREAM_CLOSED: Self = Self(0x5);
    pub const FRAME_SIZE_ERROR: Self = Self(0x6);
    pub const REFUSED_STREAM: Self = Self(0x7);
    pub const CANCEL: Self = Self(0x8);
    pub const COMPRESSION_ERROR: Self = Self(0x9);
    pub const ENHANCE_YOUR_CALM: Self = Self(0xb);

    const NAMES: [&str; 14] = [
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    ];

    /// The inverse of its text form: a name, or a number.
    pub fn from_name(name: &str) -> Option<Self> {
        let known = Self::NAMES.iter().position(|known| *known == name).and_then(|code| u32::try_from(code).ok());
        known.or_else(|| name.parse().ok()).map(Self)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match usize::try_from(self.0).ok().and_then(|code| Self::NAMES.get(code)) {
            Some(name) => f.write_str(name),
            None => self.0.fmt(f),
        }
    }
}

/// The connection cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub code: Code,
    pub message: String,
}

impl Error {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn protocol(message: impl Into<String>) -> Self {
        Self::new(Code::PROTOCOL_ERROR, message)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let code = format!("http2-{}", error.code.to_string().to_ascii_lowercase().replace('_', "-"));
        Self::new(&code, error.message)
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn codes_have_names_and_the_unknown_their_numbers() {
        assert_eq!(Code::CANCEL.to_string(), "CANCEL");
        assert_eq!(Code::ENHANCE_YOUR_CALM.to_string(), "ENHANCE_YOUR_CALM");
        for code in [Code::NO_ERROR, Code::CANCEL, Code(0xd), Code(0xe), Code(u32::MAX)] {
            assert_eq!(Code::from_name(&code.to_string()), Some(code));
        }
    }
}
