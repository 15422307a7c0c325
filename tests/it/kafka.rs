//! Applications of Kafka's clients: recorded under eight clients at once, replayed with the broker gone.

use harness::apps::{App, PORT};
use harness::kafka::{self, Broker};
use harness::keploy::{Outcome, Project};
use harness::{PATIENCE, Process, Sent, World, files_below, is_long};
use serde_json::Value;

use crate::consumers::{delivered, orders, replay_consumer};

macro_rules! drivers {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            let _ = record_and_replay(kafka::app($name));
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

/// A client that proves who it is by SCRAM wants proof from the broker, too.
#[test]
fn who_logs_in_is_let_in_and_believes_us() {
    // Java numbers its requests otherwise while it logs in.
    let clients = [
        ("confluent-kafka", "SCRAM-SHA-256"),
        ("kafka-clients", "SCRAM-SHA-512"),
        ("kafka-python", "SCRAM-SHA-512"),
        ("kafka-python", "PLAIN"),
    ];
    for (driver, mechanism) in &clients[..if is_long() { 4 } else { 2 }] {
        let (_world, project) = record_and_replay(kafka::app_that_logs_in(driver, mechanism));
        for file in files_below(&project.folder.join("keploy")) {
            let text = std::fs::read(&file).expect("it was written");
            let text = String::from_utf8_lossy(&text);
            assert!(!text.contains(kafka::PASSWORD), "{driver}: the password is in {}", file.display());
        }
    }
}

/// The broker assigns, and each member makes up who it is.
#[test]
fn a_member_of_the_new_group_protocol() {
    for driver in ["confluent-kafka", "kafka-clients"] {
        let (_world, project) = record_and_replay(kafka::app_of_the_new_protocol(driver));
        let mocks = std::fs::read_to_string(project.test_set().join("mocks.yaml")).expect("it was recorded");
        let joined = mocks.matches("api: ConsumerGroupHeartbeat").count();
        assert_eq!(joined, 1, "{driver}: how it joined is recorded, and no more");
    }
}

/// Each joins again when the other comes, and has its own partitions.
#[test]
fn two_members_of_a_group() {
    for driver in ["confluent-kafka", "kafka-clients"] {
        let _ = record_and_replay(kafka::app_of_two_members(driver));
    }
}

fn record_and_replay(app: App) -> (World, Project) {
    let driver = app.name;
    let world = World::online();
    let broker = Broker::start(&world);
    let project = Project::new(&world, app);
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
    (world, project)
}

/// A consumer is recorded while somebody else produces `orders`, all at once. `settled`: how many records it commits.
fn record_consumer(app: App, orders: &[Value], settled: usize) -> (World, Project, Outcome) {
    let world = World::online();
    let broker = Broker::start(&world);
    let project = Project::new(&world, app);
    let settings = "path: .\nplugins:\n  Kafka:\n    commits: work\n";
    std::fs::write(project.folder.join("keploy.yml"), settings).expect("the folder is ours");
    let recording = project.record_until(&world, &[], "consuming shipped");
    recording.process().wait_for("consuming shipments");
    kafka::produce(&world, "shipments", orders);
    recording.process().wait_for(&format!("settled {settled}\n"));
    let recorded = recording.finish();
    recorded.expect_code(0);
    drop(broker);
    (world, project, recorded)
}

macro_rules! consumers {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            let (_world, project, recorded) = record_consumer(kafka::consumer($name), &orders(), 11);
            let counts = ["requests", "tests", "lost", "unparsed", "unsettled"].map(|name| recorded.number(name));
            assert_eq!(counts, [11, 11, 0, 0, 0], "{}", recorded.said());
            assert_eq!([delivered(&project, "shipments"), delivered(&project, "shipped")], [6, 5]);
            replay_consumer(&project, "metadata");
        })*
    };
}

consumers! {
    a_consumer_of_librdkafka: "confluent-kafka",
    a_consumer_of_kafka_python: "kafka-python",
    a_consumer_of_kafkajs: "kafkajs",
}

/// The application fetches nothing of it: the first test can never run.
#[test]
fn a_topic_that_nobody_consumes_any_more() {
    let (_world, project, _) = record_consumer(kafka::consumer("confluent-kafka"), &orders(), 11);
    let offline = World::offline();
    let mut test = project.command("test");
    test.env("MUTATE", "queue").args(["--health-poll-timeout", "3"]);
    let tested = Outcome::of(Process::start(&offline, &mut test).wait(PATIENCE));
    tested.expect_code(4).expect_words(&["did not take what is sent to `shipments/", "--health-poll-timeout"]);
}
