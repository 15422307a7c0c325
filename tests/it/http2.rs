//! An HTTP/2 server that asks another one, in cleartext: recorded under eight clients with five streams each, replayed with
//! the other one gone.

use std::process::Command;

use harness::apps::{App, PORT};
use harness::keploy::Project;
use harness::{PATIENCE, Process, Sent, World, file, is_long};

const UPSTREAM_PORT: u16 = 8086;

#[test]
fn streams_are_exchanges() {
    let world = World::online();
    let upstream = Process::start(&world, script("upstream.js").arg(UPSTREAM_PORT.to_string()));
    upstream.wait_for("ready");
    let app = App::new("nodeh2", format!("node {}", file("apps/nodeh2/app.js").display()));
    let project = Project::new(&world, app.with("UPSTREAM", &format!("http://127.0.0.1:{UPSTREAM_PORT}")));
    let recording = project.record_and_learn(&world);
    let visit = Process::start(&world, script("visit.js").arg(PORT.to_string())).wait(PATIENCE);
    let sent: u64 = visit.stdout.trim().parse().unwrap_or_else(|_| panic!("a client is not content: {}", visit.stderr));
    let recorded = recording.finish();
    assert_eq!(recorded.code, Some(0), "{}", recorded.said());
    let counts = ["requests", "tests", "lost", "unparsed"].map(|name| recorded.number(name));
    assert_eq!(counts, [sent, sent, 0, 0], "{}", recorded.said());
    drop(upstream);
    for n in 0..if is_long() { 20 } else { 2 } {
        let offline = World::offline();
        let replayed = project.test(&offline, "");
        assert_eq!(replayed.code, Some(0), "replay {n}: {}", replayed.said());
        assert_eq!(offline.sent(), Sent::default(), "something tried to leave");
    }
    // Another answer of the application, and other paths in its calls.
    for (mutation, named) in [("answer", "changed"), ("call", "(nearest: mock-")] {
        let replayed = project.test(&World::offline(), mutation);
        assert_eq!(replayed.code, Some(1), "{mutation}: {}", replayed.said());
        let said = format!("{}\n{}", replayed.stderr, replayed.json);
        assert!(said.contains(named), "{mutation}: {named:?} is not named: {}", replayed.said());
    }
}

fn script(name: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(file("apps/nodeh2").join(name));
    command
}
