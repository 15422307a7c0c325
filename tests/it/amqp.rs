//! Applications of RabbitMQ's clients: recorded under eight clients at once, replayed with the broker gone.

use harness::apps::PORT;
use harness::keploy::Project;
use harness::rabbit::{self, Broker};
use harness::{Sent, World, files_below, is_long};

macro_rules! drivers {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            record_and_replay($name);
        })*

        #[test]
        fn no_driver_is_left_out() {
            assert_eq!(rabbit::DRIVERS, [$($name),*]);
        }
    };
}

drivers! {
    pika: "pika",
    aio_pika: "aio-pika",
    amqplib: "amqplib",
    amqp091_go: "amqp091-go",
    java_client: "amqp-client",
}

fn record_and_replay(driver: &'static str) {
    let world = World::online();
    let broker = Broker::start(&world);
    let project = Project::new(&world, rabbit::app(driver));
    let recording = project.record_and_learn(&world);
    // pika listens for itself first.
    recording.process().wait_for(&format!("listening on 127.0.0.1:{PORT}"));
    let sent = world.inside(rabbit::visit) as u64;
    let recorded = recording.finish();
    assert_eq!(recorded.code, Some(0), "{driver}: {}", recorded.said());
    let counts = ["requests", "tests", "lost", "unparsed"].map(|name| recorded.number(name));
    assert_eq!(counts, [sent, sent, 0, 0], "{driver}: {}", recorded.said());
    no_secrets(&project, driver);
    drop(broker);
    for n in 0..if is_long() { 20 } else { 2 } {
        let offline = World::offline();
        let replayed = project.test(&offline, "");
        assert_eq!(replayed.code, Some(0), "{driver}, replay {n}: {}", replayed.said());
        assert_eq!(offline.sent(), Sent::default(), "{driver}: something tried to leave");
    }
    // Another item in the application's answer, another routing key, and a message that is given back.
    let mutations = [("json", "body.item"), ("publish", "(nearest: mock-"), ("settle", "basic.reject")];
    for (mutation, named) in mutations {
        let replayed = project.test(&World::offline(), mutation);
        assert_eq!(replayed.code, Some(1), "{driver}, {mutation}: {}", replayed.said());
        let said = format!("{}\n{}", replayed.stderr, replayed.json);
        assert!(said.contains(named), "{driver}, {mutation}: {named:?} is not named: {}", replayed.said());
    }
}

/// The password went over the wire; it is in no file.
fn no_secrets(project: &Project, driver: &str) {
    for file in files_below(&project.folder.join("keploy")) {
        let text = String::from_utf8_lossy(&std::fs::read(&file).expect("it was written")).into_owned();
        let said = |line: &str| line.split([' ', ':', '"', '\'', ',', '\0']).any(|word| word == "pw");
        assert!(!text.lines().any(said), "{driver}: the password is in {}", file.display());
    }
}
