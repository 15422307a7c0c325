//! `keploy plugin`
use std::path::PathBuf;

use plugins::{Engine, Plugin, SpeaksFirst};

use crate::{
    arguments::PluginDirectories,
    exit::{Code, Outcome},
    parsers,
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// The parsers that a run would use.
    List {
        #[command(flatten)]
        directories: PluginDirectories,
    },
    /// Is this file a parser that this keploy can load?
    Check { file: PathBuf },
}

pub(crate) fn run(arguments: Arguments) -> Outcome {
    match arguments.what {
        What::List { directories } => {
            for plugin in parsers::load(&directories)?.iter() {
                println!("{}", line(plugin));
            }
        }
        What::Check { file } => {
            let wasm = fs_err::read(&file)?;
            let engine = Engine::new().map_err(|error| anyhow::anyhow!("{error:#}"))?;
            let plugin = Plugin::load(&engine, &file.display().to_string(), &wasm)?;
            println!("{}", line(&plugin));
        }
    }
    Ok(Code::Success)
}

fn line(plugin: &Plugin) -> String {
    let manifest = &plugin.manifest;
    let first = match manifest.speaks_first {
        SpeaksFirst::Client => "client",
        SpeaksFirst::Server => "server",
        SpeaksFirst::Either => "either",
    };
    let ports: Vec<String> = manifest.ports.iter().map(u16::to_string).collect();
    let ports = if ports.is_empty() { "any port".to_owned() } else { ports.join(", ") };
    // What a user may want to know before trusting a stranger's.
    let intervenes = match (manifest.intervenes, plugin.may_intervene()) {
        (true, true) => "  takes part in log-ins while recording",
        (true, false) => "  would take part in log-ins while recording (--trust-parser)",
        (false, _) => "",
    };
    let outgoing = if manifest.drives { "" } else { "  outgoing only" };
    let (protocol, schema) = (&manifest.protocol, manifest.schema);
    format!("{protocol:<10} schema {schema}  speaks first: {first}  {ports}{outgoing}{intervenes}  ({})", plugin.source)
}
