//! `traffic`: an application that answers at once, and clients that measure what stands between it and them.
//!
//! Each prints its figures as one line of JSON. They are as small as they can be, so that what is measured is not them.
#![expect(clippy::print_stdout, reason = "figures go to standard output")]

mod backends;
mod bulk;
mod client;
mod full;
mod idle;
mod serve;
mod steady;

use std::{process::ExitCode, time::Duration};

const USAGE: &str = "\
usage: traffic serve PORT [http=PORT] [redis=PORT] [postgres=PORT] [mysql=PORT]
       traffic steady PORT PATH RATE SECONDS
       traffic full PORT PATH CONNECTIONS SECONDS
       traffic download PORT BYTES
       traffic upload PORT BYTES
       traffic idle PORT CONNECTIONS
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            eprintln!("traffic: {error}");
            ExitCode::FAILURE
        }
        None => {
            eprint!("{USAGE}");
            ExitCode::FAILURE
        }
    }
}

/// None: these are no arguments.
fn dispatch(arguments: &[&str]) -> Option<std::io::Result<()>> {
    let seconds = |text: &str| Some(Duration::from_secs_f64(text.parse().ok()?));
    Some(match arguments {
        ["serve", port, backends @ ..] => serve::run(port.parse().ok()?, backends::Ports::parse(backends)?),
        ["steady", port, path, rate, time] => steady::run(port.parse().ok()?, path, rate.parse().ok()?, seconds(time)?),
        ["full", port, path, connections, time] => {
            full::run(port.parse().ok()?, path, connections.parse().ok()?, seconds(time)?)
        }
        ["download", port, bytes] => bulk::download(port.parse().ok()?, bytes.parse().ok()?),
        ["upload", port, bytes] => bulk::upload(port.parse().ok()?, bytes.parse().ok()?),
        ["idle", port, connections] => idle::run(port.parse().ok()?, connections.parse().ok()?),
        _ => return None,
    })
}
