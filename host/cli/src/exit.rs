//! Exit codes: what a script can tell apart.
use std::process::ExitCode;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// All that was asked for was done; `test`: at least one test ran, every selected one did, all passed.
    Success = 0,
    /// `test`: something changed. `check`: something does not load.
    Failed = 1,
    /// The command line, keploy.yml, a file or this machine is not as it has to be.
    Usage = 2,
    /// The application ended by itself before the first test, or while recording with an error.
    Died = 3,
    /// The application never listened, or never took what a queue had for it.
    NeverListened = 4,
    /// There is nothing to test.
    Nothing = 5,
    /// A recording needs a parser that there is not.
    ParserMissing = 6,
    /// By SIGINT or SIGTERM.
    Interrupted = 130,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// An error and the code that it ends with.
pub(crate) struct Failure {
    pub code: Code,
    pub error: anyhow::Error,
}

impl Failure {
    pub fn new(code: Code, error: impl Into<anyhow::Error>) -> Self {
        Self { code, error: error.into() }
    }
    pub fn words(code: Code, words: impl std::fmt::Display) -> Self {
        Self { code, error: anyhow::anyhow!("{words}") }
    }
}

/// What is not said otherwise is about files, arguments or the machine.
impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { code: Code::Usage, error: error.into() }
    }
}

pub(crate) type Outcome = Result<Code, Failure>;
