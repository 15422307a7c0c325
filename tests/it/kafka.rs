//! Applications of Kafka's clients: recorded under eight clients at once, replayed with the broker gone.

use harness::apps::PORT;
use harness::kafka::{self, Broker};
use harness::keploy::Project;
use harness::{Sent, World, is_long};

macro_rules! drivers {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            record_and_replay($name);
        })*

        #[test]
        fn no_driver_is_left_out() {
            assert_eq!(kafka::DRIVERS, [$($name),*]);
        }
    };
}

drivers! {
    librdkafka: "confluent-kafka",
    kafka_python: "kafka-python",
    aiokafka: "aiokafka",
    kafkajs: "kafkajs",
    franz_go: "franz-go",
    java: "kafka-clients",
}

fn record_and_replay(driver: &'static str) {
    let world = World::online();
    let broker = Broker::start(&world);
    let project = Project::new(&world, kafka::app(driver));
    let recording = project.record_and_learn(&world);
    // Some listen for themselves first.
    recording.process().wait_for(&format!("listening on 127.0.0.1:{PORT}"));
    let sent = world.inside(kafka::visit) as u64;
    let recorded = recording.finish();
    assert_eq!(recorded.code, Some(0), "{driver}: {}", recorded.said());
    let counts = ["requests", "tests", "lost", "unparsed"].map(|name| recorded.number(name));
    assert_eq!(counts, [sent, sent, 0, 0], "{driver}: {}", recorded.said());
    drop(broker);
    for n in 0..if is_long() { 20 } else { 2 } {
        let offline = World::offline();
        let replayed = project.test(&offline, "");
        assert_eq!(replayed.code, Some(0), "{driver}, replay {n}: {}", replayed.said());
        assert_eq!(offline.sent(), Sent::default(), "{driver}: something tried to leave");
    }
    // Another item in the application's answer; a record with one field more; a topic that nobody wrote to.
    for (mutation, named) in [("json", "body.item"), ("publish", "(nearest: mock-"), ("topic", "returns")] {
        let replayed = project.test(&World::offline(), mutation);
        assert_eq!(replayed.code, Some(1), "{driver}, {mutation}: {}", replayed.said());
        let said = format!("{}\n{}", replayed.stderr, replayed.json);
        assert!(said.contains(named), "{driver}, {mutation}: {named:?} is not named: {}", replayed.said());
    }
}
