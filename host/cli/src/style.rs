//! How things look: data on stdout, everything else on stderr; colours that carry no meaning alone.
use std::{
    fmt::Display,
    io::{IsTerminal as _, Write as _, stderr},
    sync::atomic::{AtomicBool, Ordering},
};

static COLOURS: AtomicBool = AtomicBool::new(false);

/// Sets up diagnostics and colours.
pub(crate) fn start(debug: bool, disable_ansi: bool) {
    let colours = !disable_ansi && stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    COLOURS.store(colours, Ordering::Relaxed);
    let default = if debug { "debug,wasmtime=warn,cranelift=warn" } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::try_from_env("KEPLOY_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(colours);
    lines.without_time().with_target(debug).init();
}

fn paint(code: &str, text: impl Display) -> String {
    if COLOURS.load(Ordering::Relaxed) { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
}
pub(crate) fn green(text: impl Display) -> String {
    paint("32", text)
}
pub(crate) fn red(text: impl Display) -> String {
    paint("31", text)
}
pub(crate) fn dim(text: impl Display) -> String {
    paint("2", text)
}
pub(crate) fn bold(text: impl Display) -> String {
    paint("1", text)
}

/// A line about what is going on.
pub(crate) fn say(line: impl Display) {
    eprintln!("keploy: {line}");
}

/// An error, its causes, and its hints each on a line of their own.
pub(crate) fn error(error: &anyhow::Error) {
    let mut lines = vec![error.to_string()];
    for cause in error.chain().skip(1).map(ToString::to_string) {
        // Many errors name their cause already.
        if !lines.iter().any(|line| line.contains(&cause)) {
            lines.push(cause);
        }
    }
    let text = lines.join("\n");
    let (hints, said): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.trim_start().starts_with("hint:"));
    eprintln!("{} {}", red("error:"), said.join("\n  "));
    for hint in hints {
        eprintln!("{} {}", bold("hint:"), hint.trim_start().trim_start_matches("hint:").trim_start());
    }
}

/// Progress on one line, on terminals only.
pub(crate) struct Progress {
    shown: bool,
}

impl Progress {
    pub fn new() -> Self {
        Self { shown: stderr().is_terminal() }
    }
    pub fn show(&self, text: impl Display) {
        if self.shown {
            let mut out = stderr();
            // Nobody reads progress whose terminal is gone.
            let _ = write!(out, "\r\x1b[K{text}");
            let _ = out.flush();
        }
    }
}
impl Drop for Progress {
    fn drop(&mut self) {
        self.show("");
    }
}
