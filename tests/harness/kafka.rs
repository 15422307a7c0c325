//! Kafka, applications of its clients, and eight clients of theirs. Their API: `apps/pykafka/app.py`.

use std::process::Command;
use std::thread;

use serde_json::{Value, json};

use crate::apps::{App, PORT, cache, installed, python};
use crate::http::{Client, Connections};
use crate::{PATIENCE, Process, World, file};

const CLIENTS: usize = 8;
const BROKER_PORT: u16 = 9092;
/// Where who logs in is served.
const SASL_PORT: u16 = BROKER_PORT + 2;

/// Of those who log in.
pub const PASSWORD: &str = "only-kafka-knows-it";

/// The clients of Kafka that applications here are made with.
pub const DRIVERS: &[&str] = &["confluent-kafka", "kafka-python", "aiokafka", "kafkajs", "franz-go", "kafka-clients"];

/// A broker with the topics that the applications want. It ends with this value.
pub struct Broker {
    _process: Process,
}

impl Broker {
    /// # Panics
    /// When it does not take topics.
    pub fn start(world: &World) -> Self {
        let mut command = Command::new(file("servers/kafka.sh"));
        command
            .arg("run")
            .arg(BROKER_PORT.to_string())
            .arg(world.folder().join("kafka"))
            .env("SASL_PASSWORD", PASSWORD);
        let process = Process::start(world, command.env("KEPLOY_DEV_CACHE", cache()));
        process.wait_for_port(world, BROKER_PORT);
        let mut topics = Command::new(python());
        let made = Process::start(world, topics.arg(file("apps/pykafka/topics.py"))).wait(PATIENCE);
        assert!(made.status.success(), "no topics were made: {}", made.stderr);
        Self { _process: process }
    }
}

/// The application that is made with this client.
///
/// # Panics
/// When there is none.
pub fn app(driver: &'static str) -> App {
    let script = |path: &str| file(path).display().to_string();
    let path = |path: &str| installed(path).display().to_string();
    let app = match driver {
        "confluent-kafka" | "kafka-python" | "aiokafka" => {
            App::new(driver, format!("{} {} {driver}", python().display(), script("apps/pykafka/app.py")))
        }
        "kafkajs" => App::new(driver, format!("node {}", script("apps/nodekafka/app.js")))
            .with("NODE_PATH", &path("nodekafka/node_modules")),
        "franz-go" => App::new(driver, path("gokafka")),
        "kafka-clients" => App::new(driver, "java App".to_owned())
            .with("CLASSPATH", &format!("{}:{}/*", path("javakafka/classes"), path("javakafka/lib"))),
        other => panic!("no application of {other}"),
    };
    app.with("KAFKA", &format!("127.0.0.1:{BROKER_PORT}"))
}

/// The same, as a member of a group of the new kind (KIP-848).
///
/// # Panics
/// When there is none.
pub fn app_of_the_new_protocol(driver: &'static str) -> App {
    app(driver).with("KAFKA_GROUP_PROTOCOL", "consumer")
}

/// The same as [`app`], with a group of two.
///
/// # Panics
/// When there is none.
pub fn app_of_two_members(driver: &'static str) -> App {
    app(driver).with("KAFKA_MEMBERS", "2")
}

/// The same as [`app`], logging in: with a password in the environment, or, as Java has it, in a JAAS configuration there.
///
/// # Panics
/// When there is none.
pub fn app_that_logs_in(driver: &'static str, mechanism: &str) -> App {
    let app = app(driver).with("KAFKA", &format!("127.0.0.1:{SASL_PORT}")).with("KAFKA_MECHANISM", mechanism);
    if driver != "kafka-clients" {
        return app.with("KAFKA_PASSWORD", PASSWORD);
    }
    let module = "org.apache.kafka.common.security.scram.ScramLoginModule";
    app.with("KAFKA_JAAS", &format!("{module} required username=\"ada\" password=\"{PASSWORD}\";"))
}

/// The clients that consumers here are made with: see `apps/pykafka/shipping.py`.
///
/// # Panics
/// When there is none.
pub fn consumer(driver: &'static str) -> App {
    let script = |path: &str| file(path).display().to_string();
    let app = match driver {
        "confluent-kafka" | "kafka-python" => {
            App::new(driver, format!("{} {} {driver}", python().display(), script("apps/pykafka/shipping.py")))
        }
        "kafkajs" => {
            let modules =
                ["nodekafka/node_modules", "node/node_modules"].map(|path| installed(path).display().to_string());
            App::new(driver, format!("node {}", script("apps/nodekafka/shipping.js")))
                .with("NODE_PATH", &modules.join(":"))
        }
        other => panic!("no consumer of {other}"),
    };
    app.with("KAFKA", &format!("127.0.0.1:{BROKER_PORT}"))
}

/// Somebody else sends records to a topic.
///
/// # Panics
/// When the broker does not take them.
pub fn produce(world: &World, topic: &str, records: &[Value]) {
    let mut order = Command::new(python());
    order.arg(file("apps/pykafka/order.py")).arg(topic).args(records.iter().map(Value::to_string));
    order.env("KAFKA", format!("127.0.0.1:{BROKER_PORT}"));
    let ended = Process::start(world, &mut order).wait(PATIENCE);
    assert!(ended.status.success(), "the records were not sent: {}", ended.stderr);
}

/// franz-go's own tests, as an application that ends by itself.
pub fn suite() -> App {
    let folder = installed("suites/franz-go");
    let tests = format!("go -C {} test -vet=off -count=1 -v ./pkg/kgo", folder.display());
    let app = App::new("franz-go-suite", tests).with("GOFLAGS", "-mod=mod").with("GOPROXY", "off");
    let app = app.with("KGO_SEEDS", &format!("127.0.0.1:{BROKER_PORT}")).with("KGO_TEST_RF", "1");
    app.with("KGO_TEST_RECORDS", "20000").with("KGO_TEST_MAX_TOPIC_PARTS", "4")
}

/// All clients at once, each a customer of its own; returns how many requests were sent. Runs in the calling thread's
/// network.
///
/// # Panics
/// When an answer is not what the API promises: the application must not notice that it is recorded.
pub fn visit() -> usize {
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|number| scope.spawn(move || Visitor::new(number).visit())).collect();
        clients.into_iter().map(|client| client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).sum()
    })
}

struct Visitor {
    client: Client,
    customer: String,
    sent: usize,
}

impl Visitor {
    fn new(number: usize) -> Self {
        let connections = if number % 4 == 3 { Connections::OneEach } else { Connections::Kept };
        Self { client: Client::new(PORT, connections), customer: format!("c{number}"), sent: 0 }
    }

    /// Produces one by one and several at once, and sees what was consumed.
    fn visit(mut self) -> usize {
        let customer = self.customer.clone();
        for item in ["ink", "pen"] {
            let order = json!({ "customer": customer, "item": item });
            self.expect("POST", "/orders", &order, 201, &order);
        }
        self.expect("POST", "/batch", &json!({ "customer": customer, "n": 3 }), 201, &json!({ "sent": 3 }));
        let seen = json!({ "items": ["ink", "pen"] });
        self.expect("GET", &format!("/audit?customer={customer}&n=2"), &Value::Null, 200, &seen);
        self.sent
    }

    #[track_caller]
    fn expect(&mut self, method: &str, path: &str, body: &Value, status: u16, expected: &Value) {
        self.sent += 1;
        let customer = &self.customer;
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let answer = self.client.send(method, path, &body, "application/json");
        let answer = answer.unwrap_or_else(|error| panic!("{customer}: {method} {path}: {error}"));
        let text = String::from_utf8_lossy(&answer.body);
        let found: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        assert_eq!((answer.status, &found), (status, expected), "{customer}: {method} {path} was answered: {text}");
    }
}
