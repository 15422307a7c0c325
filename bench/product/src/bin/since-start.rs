//! `since-start FILE COMMAND ARGUMENT...`: runs a command that writes moments of the monotonic clock to FILE, and says how many
//! milliseconds after its start each of them was.
use std::{fs, process::Command};

use bench_product::{monotonic, say};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, program, arguments @ ..] = &arguments[..] else { panic!("usage: since-start FILE COMMAND ARGUMENT...") };
    let began = monotonic();
    let ended = Command::new(program).args(arguments).output().expect("it can be started");
    let said = || format!("{ended:?}");
    let moments = fs::read_to_string(file).unwrap_or_else(|error| panic!("{file}: {error}: {}", said()));
    for moment in moments.split_whitespace() {
        let moment: u64 = moment.parse().expect("nanoseconds");
        say("since start", moment.saturating_sub(began) as f64 / 1e6, &[]);
    }
}
