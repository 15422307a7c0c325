//! Applications of MongoDB's drivers: recorded under eight clients at once, replayed with the server gone.

use harness::databases::Tls;
use harness::keploy::Project;
use harness::mongo::{self, Mechanism, Server};
use harness::{Sent, World, files_below, is_long};

macro_rules! drivers {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            record_and_replay($name, Mechanism::ScramSha256, Tls::Off);
        })*

        #[test]
        fn no_driver_is_left_out() {
            assert_eq!(mongo::DRIVERS, [$($name),*]);
        }
    };
}

drivers! {
    pymongo: "pymongo",
    motor: "motor",
    node_mongodb: "mongodb",
    mongoose: "mongoose",
    mongo_go_driver: "mongo-go-driver",
    mongo_java_driver: "mongo-java-driver",
}

#[test]
fn over_tls() {
    record_and_replay("pymongo", Mechanism::ScramSha256, Tls::Required);
}

#[test]
fn with_the_older_log_in() {
    record_and_replay("pymongo", Mechanism::ScramSha1, Tls::Off);
}

/// No server here compresses. So what was recorded is said to come from one that does, and the driver, which asks for it,
/// compresses all it says in the replay, and is answered so.
#[test]
fn compressed_in_replay() {
    let world = World::online();
    let server = Server::start(&world, Tls::Off);
    let app = mongo::app("pymongo", Mechanism::ScramSha256, "&compressors=zlib");
    let project = recorded(&world, app, "");
    drop(server);
    let mocks = project.test_set().join("mocks.yaml");
    let text = std::fs::read_to_string(&mocks).expect("it was written");
    const OF_EVERY_HELLO: &str = "      maxBsonObjectSize: 16777216\n";
    assert!(text.contains(OF_EVERY_HELLO), "a hello looks otherwise");
    let compressing = format!("{OF_EVERY_HELLO}      compression: [zlib]\n");
    std::fs::write(&mocks, text.replace(OF_EVERY_HELLO, &compressing)).expect("the folder is ours");
    let replayed = project.test(&World::offline(), "");
    assert_eq!(replayed.code, Some(0), "{}", replayed.said());
}

fn record_and_replay(driver: &'static str, mechanism: Mechanism, tls: Tls) {
    let what = format!("{driver}, {mechanism:?}, TLS {}", tls.name());
    let world = World::online();
    let server = Server::start(&world, tls);
    let ca = server.ca().display().to_string();
    let (options, yaml) = match tls {
        Tls::Off => (String::new(), String::new()),
        _ => (format!("&tls=true&tlsCAFile={ca}"), format!("caFiles: [{ca}]\n")),
    };
    let project = recorded(&world, mongo::app(driver, mechanism, &options), &yaml);
    no_secrets(&project, &what);
    drop(server);
    for n in 0..if is_long() { 20 } else { 2 } {
        let offline = World::offline();
        let replayed = project.test(&offline, "");
        assert_eq!(replayed.code, Some(0), "{what}, replay {n}: {}", replayed.said());
        assert_eq!(offline.sent(), Sent::default(), "{what}: something tried to leave");
    }
    // Another quantity in the application's answer, and a filter that was never recorded.
    for (mutation, named) in [("json", "quantity"), ("query", "(nearest: mock-")] {
        let replayed = project.test(&World::offline(), mutation);
        assert_eq!(replayed.code, Some(1), "{what}, {mutation}: {}", replayed.said());
        let said = format!("{}\n{}", replayed.stderr, replayed.json);
        assert!(said.contains(named), "{what}, {mutation}: {named:?} is not named: {}", replayed.said());
    }
}

/// Visited and learned from. `yaml`: lines of keploy.yml beside the password's.
fn recorded(world: &World, app: harness::apps::App, yaml: &str) -> Project {
    let what = app.name;
    let project = Project::new(world, app);
    let password = "plugins:\n  Mongo:\n    password: pw\n";
    std::fs::write(project.folder.join("keploy.yml"), format!("{yaml}{password}")).expect("the folder is ours");
    let recording = project.record_and_learn(world);
    let sent = world.inside(mongo::visit) as u64;
    let recorded = recording.finish();
    assert_eq!(recorded.code, Some(0), "{what}: {}", recorded.said());
    let counts = ["requests", "tests", "lost", "unparsed"].map(|name| recorded.number(name));
    assert_eq!(counts, [sent, sent, 0, 0], "{what}: {}", recorded.said());
    project
}

/// Of the log-in, nothing is written down but who logged in, and how.
fn no_secrets(project: &Project, what: &str) {
    for file in files_below(&project.folder.join("keploy")) {
        let text = String::from_utf8_lossy(&std::fs::read(&file).expect("it was written")).into_owned();
        let said = |line: &str| line.split([' ', ':', '"', '\'', ',']).any(|word| word == "pw");
        assert!(!text.lines().any(said), "{what}: the password is in {}", file.display());
        for secret in ["saslStart", "saslContinue", "payload:", "PRIVATE KEY"] {
            assert!(!text.contains(secret), "{what}: {secret:?} is in {}", file.display());
        }
    }
}
