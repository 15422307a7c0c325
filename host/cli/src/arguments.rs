//! Arguments that several commands have in common.
use std::path::PathBuf;

/// Where the tests are.
#[derive(clap::Args)]
pub(crate) struct Place {
    /// The directory that holds, or gets, the folder keploy/.
    #[arg(short, long, value_name = "DIR")]
    pub path: Option<PathBuf>,
}

/// The directory arguments of `--plugins`.
#[derive(clap::Args)]
pub(crate) struct PluginDirectories {
    /// A directory of .wasm parsers, added to the built-in ones; may be given several times.
    #[arg(long = "plugins", value_name = "DIR")]
    pub plugins: Vec<PathBuf>,
    /// Let a parser of --plugins take part in log-ins while recording, if it asks to; may be given several times.
    #[arg(long, value_name = "PROTOCOL")]
    pub trust_parser: Vec<String>,
}

/// Schemas of what goes over the wire.
#[derive(clap::Args)]
pub(crate) struct Protos {
    /// A .proto file, a directory of them, or a descriptor set: gRPC messages are recorded by their fields' names; may be
    /// given several times.
    #[arg(long, aliases = ["proto-file", "proto-dir"], value_name = "PATH")]
    pub proto_path: Vec<PathBuf>,
    /// A directory in which imports of .proto files are looked for; may be given several times.
    #[arg(long, value_name = "DIR")]
    pub proto_include: Vec<PathBuf>,
}

/// For commands that run the application.
#[derive(clap::Args)]
pub(crate) struct Application {
    /// The command that starts the application, as a shell would run it.
    #[arg(short, long)]
    pub command: Option<String>,
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub directories: PluginDirectories,
}

/// Which test sets.
#[derive(clap::Args)]
pub(crate) struct TestSets {
    /// Only these test sets.
    #[arg(short, long, alias = "testsets", value_delimiter = ',', value_name = "SET")]
    pub test_sets: Vec<String>,
}
