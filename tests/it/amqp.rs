//! Applications of RabbitMQ's clients: recorded under eight clients at once, replayed with the broker gone.

use harness::apps::{App, PORT};
use harness::http::{Client, Connections};
use harness::keploy::{Outcome, Project};
use harness::rabbit::{self, Broker};
use harness::{PATIENCE, Process, Sent, World, files_below, is_long};
use serde_json::Value;

use crate::consumers::{delivered, orders, replay_consumer};

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
    let counts = ["requests", "tests", "lost", "unparsed", "unsettled"].map(|name| recorded.number(name));
    // Each client's two orders come back to the application's own consumer: those deliveries are tests, too.
    let delivered = delivered(&project, "audit") as u64;
    assert_eq!(counts, [sent + delivered, sent + delivered, 0, 0, 0], "{driver}: {}", recorded.said());
    assert_eq!(delivered, 16, "{driver}: {}", recorded.said());
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

/// Somebody waits for an order that is only given after many requests of others.
#[test]
fn a_request_that_waits_for_a_message_far_behind_it() {
    let world = World::online();
    let broker = Broker::start(&world);
    let project = Project::new(&world, rabbit::app("pika"));
    let recording = project.record(&world);
    recording.process().wait_for(&format!("listening on 127.0.0.1:{PORT}"));
    world.inside(|| {
        let send = |method: &str, path: &str, body: &str| {
            let client = Client::new(PORT, Connections::OneEach);
            let answer = client.send(method, path, body.as_bytes(), "application/json");
            assert!(answer.expect("an answer").status < 300, "{method} {path}");
        };
        std::thread::scope(|scope| {
            scope.spawn(|| send("GET", "/audit?customer=late&n=1", ""));
            for n in 0..30 {
                send("POST", "/orders", &format!("{{\"customer\": \"c{n}\", \"item\": \"ink\"}}"));
            }
            send("POST", "/orders", "{\"customer\": \"late\", \"item\": \"ink\"}");
        });
    });
    let recorded = recording.finish();
    recorded.expect_code(0);
    drop(broker);
    project.test(&World::offline(), "").expect_code(0);
}

/// The password went over the wire; it is in no file.
fn no_secrets(project: &Project, driver: &str) {
    for file in files_below(&project.folder.join("keploy")) {
        let text = String::from_utf8_lossy(&std::fs::read(&file).expect("it was written")).into_owned();
        let said = |line: &str| line.split([' ', ':', '"', '\'', ',', '\0']).any(|word| word == "pw");
        assert!(!text.lines().any(said), "{driver}: the password is in {}", file.display());
    }
}

/// A consumer is recorded while somebody else sends it `orders`, all at once. `settled`: how many messages it settles.
fn record_consumer(app: App, orders: &[Value], settled: usize) -> (World, Project) {
    let world = World::online();
    let broker = Broker::start(&world);
    let project = Project::new(&world, app);
    let recording = project.record_until(&world, &[], "consuming shipped");
    recording.process().wait_for("consuming shipments");
    rabbit::publish(&world, "shipments", orders);
    recording.process().wait_for(&format!("settled {settled}\n"));
    let recorded = recording.finish();
    recorded.expect_code(0);
    let counts = ["requests", "tests", "lost", "unparsed"].map(|name| recorded.number(name));
    assert_eq!(counts, [settled as u64, settled as u64, 0, 0], "{}", recorded.said());
    drop(broker);
    (world, project)
}

macro_rules! consumers {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            let (_world, project) = record_consumer(rabbit::consumer($name), &orders(), 11);
            assert_eq!([delivered(&project, "shipments"), delivered(&project, "shipped")], [6, 5]);
            replay_consumer(&project, "requeue");
        })*
    };
}

consumers! {
    a_consumer_of_pika: "pika",
    a_consumer_of_amqplib: "amqplib",
}

/// All of a queue's messages lie ready, on two connections, and some work overlaps.
#[test]
fn several_consumers_with_several_messages_each() {
    let app = rabbit::consumer("pika").with("PREFETCH", "3").with("CONSUMERS", "2");
    let (_world, project) = record_consumer(app, &orders(), 11);
    replay_consumer(&project, "requeue");
}

/// The first of them has no outcome before the last has come.
#[test]
fn messages_that_are_settled_by_one_word() {
    let app = rabbit::consumer("pika").with("PREFETCH", "5").with("BATCH", "5");
    let (_world, project) = record_consumer(app, &orders(), 11);
    replay_consumer(&project, "requeue");
}

/// Two messages are left over: they are no tests, and that is said.
#[test]
fn what_was_not_settled_is_no_test() {
    let world = World::online();
    let broker = Broker::start(&world);
    let app = rabbit::consumer("pika").with("PREFETCH", "5").with("BATCH", "3");
    let project = Project::new(&world, app);
    let recording = project.record_until(&world, &["--no-learn"], "consuming shipments");
    let orders: Vec<Value> = orders().into_iter().filter(|order| order["quantity"] != 0).collect();
    rabbit::publish(&world, "shipments", &orders);
    recording.process().wait_for("settled 8\n"); // three of five, and all five that are told on
    let recorded = recording.finish();
    let counts = ["requests", "tests", "lost", "unsettled"].map(|name| recorded.number(name));
    assert_eq!(counts, [8, 8, 0, 2], "{}", recorded.said());
    drop(broker);
    assert_eq!([delivered(&project, "shipments"), delivered(&project, "shipped")], [3, 5]);
}

/// The application connects and never consumes: the first test can never run.
#[test]
fn a_queue_that_nobody_consumes_any_more() {
    let (_world, project) = record_consumer(rabbit::consumer("pika"), &orders(), 11);
    let offline = World::offline();
    let mut test = project.command("test");
    test.env("MUTATE", "queue").args(["--health-poll-timeout", "3"]);
    let tested = Outcome::of(Process::start(&offline, &mut test).wait(PATIENCE));
    tested.expect_code(4).expect_words(&[
        "did not take what is sent to `shipments`",
        "broker.test:5672",
        "--health-poll-timeout",
    ]);
}
