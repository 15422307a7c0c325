use granit_parser::{ErrorKind, Marker, ScanError};

/// Why a text is not the document it should be, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct Error {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Error {
    pub(super) fn new(at: Marker, message: impl Into<String>) -> Self {
        Self { line: at.line().max(1), column: at.col() + 1, message: message.into(), hint: None }
    }

    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// For a reader that was given the lines `first` to `last` only. What it missed at the end is missed on the last.
    pub(super) fn within(self, first: usize, last: usize) -> Self {
        Self { line: (self.line + first - 1).min(last), ..self }
    }
}

impl From<ScanError> for Error {
    fn from(error: ScanError) -> Self {
        let (message, hint) = explain(error.kind());
        let message = message.map_or_else(|| error.info(), str::to_owned);
        Self { hint: hint.map(str::to_owned), ..Self::new(*error.marker(), message) }
    }
}

/// The everyday mistakes in plain words; of the others the reader's own words are good enough.
fn explain(kind: &ErrorKind) -> (Option<&'static str>, Option<&'static str>) {
    use ErrorKind as K;
    match kind {
        K::TabNotAllowed | K::TabInBlockIndentation | K::TabInIndentation | K::TabAtBlockScalarStart => {
            (Some("a tab where YAML takes spaces only"), Some("indent with spaces"))
        }
        K::UnclosedQuotedScalar | K::DocumentIndicatorInQuotedScalar => (
            Some("a quoted text that does not end"),
            Some("add the closing quote; inside '...' a ' is written twice, inside \"...\" a \" is written \\\""),
        ),
        K::InvalidQuotedScalarIndent => (
            Some("a quoted text goes on here, but less indented than its name"),
            Some(
                "is its closing quote missing? Inside '...' a ' is written twice, inside \"...\" a \" is written \\\"",
            ),
        ),
        K::UnexpectedEofFlowSequence
        | K::UnexpectedEofFlowMapping
        | K::UnexpectedEofImplicitFlowMapping
        | K::UnclosedFlowCollection { .. } => (Some("a [ or { that is never closed"), Some("add the missing ] or }")),
        K::ExpectedFlowMappingSeparator | K::ExpectedFlowSequenceSeparator => (
            Some("neither a , nor the closing bracket of what is open here"),
            Some("is the ] or } above this line missing?"),
        ),
        K::MappingValueNotAllowed => (
            Some("a second `: ` in one entry, or an entry indented like the text above it"),
            Some("put quotes around a text that has `: ` in it"),
        ),
        K::SimpleKeyExpected | K::InvalidSimpleKey => (
            Some("a name without its ':'"),
            Some("write `name: value`, or indent the line if it belongs to the text above it"),
        ),
        K::ExpectedBlockMappingKey | K::InvalidIndentation => {
            (Some("this does not line up with what is above it"), Some("entries of one map start in the same column"))
        }
        K::UnknownAnchor => {
            (Some("an alias (*name) without its anchor (&name)"), Some("put quotes around a text that starts with *"))
        }
        K::UnexpectedCharacter { .. } => (None, Some("put quotes around a text that starts with this character")),
        K::UnknownQuotedScalarEscape => {
            (Some("an unknown escape in a \"...\" text"), Some("a backslash itself is written \\\\"))
        }
        K::RecursionLimitExceeded => (Some("nested too deep"), None),
        _ => (None, None),
    }
}
