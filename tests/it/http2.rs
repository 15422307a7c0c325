//! An HTTP/2 server that asks another one, in cleartext and over TLS: recorded under eight clients with five streams each,
//! replayed with the other one gone.

use std::process::Command;

use harness::apps::{App, PORT};
use harness::databases::{Tls, https};
use harness::keploy::Project;
use harness::{PATIENCE, Process, Sent, World, file, is_long};

const UPSTREAM_PORT: u16 = 8086;

#[test]
fn streams_are_exchanges() {
    let world = World::online();
    let upstream = Process::start(&world, script("upstream.js").arg(UPSTREAM_PORT.to_string()));
    let app = app().with("UPSTREAM", &format!("http://127.0.0.1:{UPSTREAM_PORT}"));
    let visit = script("visit.js");
    let project = Project::new(&world, app);
    record_and_replay([&project, &project], &world, upstream, visit, &format!("http://127.0.0.1:{PORT}"));
}

/// In front of the application with the application's own key, behind it with a certificate made for it; ALPN says which
/// protocol it is.
#[test]
fn over_tls() {
    let world = World::online();
    let folder = world.folder().join("certificates");
    // Made by the script, as for any server.
    drop(https(&world, UPSTREAM_PORT, &folder, Tls::Offered));
    let path = |name: &str| folder.join(name).display().to_string();
    let (key, certificate, authority) = (path("server.key"), path("server.pem"), path("ca.pem"));
    let upstream = Process::start(&world, script("upstream.js").args([&UPSTREAM_PORT.to_string(), &key, &certificate]));
    let app = app()
        .with("UPSTREAM", &format!("https://localhost:{UPSTREAM_PORT}"))
        .with("NODE_EXTRA_CA_CERTS", &authority)
        .with("KEY", &key)
        .with("CERTIFICATE", &certificate);
    let project = Project::new(&world, app);
    let with_key = project.clone().option("--tls-cert", &certificate).option("--tls-key", &key);
    let settings = format!("record:\n  upstreamTls:\n    caCert: {authority}\n");
    std::fs::write(project.folder.join("keploy.yml"), settings).expect("the folder is ours");
    let mut visit = script("visit.js");
    visit.env("NODE_EXTRA_CA_CERTS", &authority);
    record_and_replay([&with_key, &project], &world, upstream, visit, &format!("https://localhost:{PORT}"));
}

/// `[recorder, project]`: only recording needs the application's key.
fn record_and_replay(
    [recorder, project]: [&Project; 2],
    world: &World,
    upstream: Process,
    mut visit: Command,
    url: &str,
) {
    upstream.wait_for("ready");
    let recording = recorder.record_and_learn(world);
    let visit = Process::start(world, visit.arg(url)).wait(PATIENCE);
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

fn app() -> App {
    App::new("nodeh2", format!("node {}", file("apps/nodeh2/app.js").display()))
}

fn script(name: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(file("apps/nodeh2").join(name));
    command
}
