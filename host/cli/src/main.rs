//! The `keploy` command. One file a command under `commands/`; all printing is here and there.
mod accepting;
mod arguments;
mod commands;
mod exit;
mod learning;
mod parsers;
mod protos;
mod proving;
mod replaying;
mod sets;
mod settings;
mod stage;
mod story;
mod style;
mod tls;
mod words;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use commands::{
    accept, check, completion, config, explain, learn, normalize, plugin, record, report, rerecord, sanitize,
    templatize, test,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Turns an application's real traffic into tests, and runs them without its dependencies.
#[derive(Parser)]
#[command(name = "keploy", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Say more of what is going on.
    #[arg(long, global = true)]
    debug: bool,
    /// No colours.
    #[arg(long, global = true, alias = "disableANSI")]
    disable_ansi: bool,
    /// The directory with keploy.yml.
    #[arg(long, global = true, alias = "configPath", default_value = ".", value_name = "DIR")]
    config_path: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// Run an application and record its traffic as tests and mocks.
    Record(record::Arguments),
    /// Run an application against its recording.
    Test(test::Arguments),
    /// Replay a recording of unchanged code twice, to learn what differs from run to run; `record` does that, too.
    Learn(learn::Arguments),
    /// Read a recording without running anything.
    Check(check::Arguments),
    /// The parsers: what there is, and whether a file is one.
    Plugin(plugin::Arguments),
    /// Show the last test run again.
    Report(report::Arguments),
    /// Replace the secrets in recordings by placeholders; `record` does that, too.
    Sanitize(sanitize::Arguments),
    /// Tell the story of one test of the last run: its request, its calls, what differed, and what may.
    Explain(explain::Arguments),
    /// Make the new behaviour of tests that failed the recorded one: answers, and calls.
    Accept(accept::Arguments),
    /// Make what tests answered what is expected, unless it would break clients.
    Normalize(normalize::Arguments),
    /// Send the recorded requests again, to the application with its real dependencies, and record what comes of it.
    Rerecord(rerecord::Arguments),
    /// Give values that go from an answer into a later request a name.
    Templatize(templatize::Arguments),
    /// keploy.yml.
    Config(config::Arguments),
    /// Completion for a shell: `source <(keploy completion bash)`.
    Completion(completion::Arguments),
}

fn main() -> ExitCode {
    // The application's supervisor is this same binary.
    intercept::supervise_if_asked();
    let cli = Cli::parse();
    style::start(cli.debug, cli.disable_ansi);
    let done = match cli.command {
        Command::Record(arguments) => record::run(arguments, &cli.config_path),
        Command::Test(arguments) => test::run(arguments, &cli.config_path),
        Command::Learn(arguments) => learn::run(arguments, &cli.config_path),
        Command::Check(arguments) => check::run(&arguments, &cli.config_path),
        Command::Plugin(arguments) => plugin::run(arguments),
        Command::Report(arguments) => report::run(&arguments, &cli.config_path),
        Command::Sanitize(arguments) => sanitize::run(arguments, &cli.config_path),
        Command::Explain(arguments) => explain::run(arguments, &cli.config_path),
        Command::Accept(arguments) => accept::run(arguments, &cli.config_path),
        Command::Normalize(arguments) => normalize::run(arguments, &cli.config_path),
        Command::Rerecord(arguments) => rerecord::run(arguments, &cli.config_path),
        Command::Templatize(arguments) => templatize::run(arguments, &cli.config_path),
        Command::Config(arguments) => config::run(&arguments),
        Command::Completion(arguments) => completion::run(&arguments, <Cli as clap::CommandFactory>::command()),
    };
    match done {
        Ok(code) => code.into(),
        Err(error) => {
            style::error(&error.error);
            error.code.into()
        }
    }
}
