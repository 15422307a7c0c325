//! RabbitMQ, applications of its clients, and eight clients of theirs. Their API: `apps/pyamqp/app.py`.

use std::path::PathBuf;
use std::process::Command;
use std::thread;

use serde_json::{Value, json};

use crate::apps::{App, PORT, cache, installed, python};
use crate::http::{Client, Connections};
use crate::{PATIENCE, Process, World, file};

const CLIENTS: usize = 8;
const BROKER_PORT: u16 = 5672;

/// The clients of RabbitMQ that applications here are made with.
pub const DRIVERS: &[&str] = &["pika", "aio-pika", "amqplib", "amqp091-go", "amqp-client"];

/// A broker with the user t (password "pw"), and a worker that answers calls. Both end with this value.
pub struct Broker {
    _worker: Option<Process>,
    _process: Process,
}

impl Broker {
    /// In `world`, which knows it as broker.test.
    pub fn start(world: &World) -> Self {
        let process = Self::process(world, "t", "pw");
        let mut worker = Command::new(python());
        let url = format!("amqp://t:pw@127.0.0.1:{BROKER_PORT}");
        let worker = Process::start(world, worker.arg(file("apps/pyamqp/worker.py")).env("AMQP_URL", url));
        worker.wait_for("ready");
        Self { _worker: Some(worker), _process: process }
    }

    /// For [`suite`], whose tests know one user: guest. Without a worker.
    pub fn for_suite(world: &World) -> Self {
        Self { _worker: None, _process: Self::process(world, "guest", "guest") }
    }

    fn process(world: &World, login: &str, password: &str) -> Process {
        let mut command = Command::new(file("servers/rabbitmq.sh"));
        command.arg("run").arg(BROKER_PORT.to_string()).arg(world.folder().join("rabbitmq"));
        command.env("KEPLOY_DEV_CACHE", cache()).env("LOGIN", login).env("PASSWORD", password);
        let process = Process::start(world, &mut command);
        process.wait_for("completed with");
        process
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
        "pika" | "aio-pika" => {
            App::new(driver, format!("{} {} {driver}", python().display(), script("apps/pyamqp/app.py")))
        }
        "amqplib" => App::new(driver, format!("node {}", script("apps/nodeamqp/app.js")))
            .with("NODE_PATH", &path("nodeamqp/node_modules")),
        "amqp091-go" => App::new(driver, path("goamqp")),
        "amqp-client" => App::new(driver, "java App".to_owned())
            .with("CLASSPATH", &format!("{}:{}/*", path("javaamqp/classes"), path("javaamqp/lib"))),
        other => panic!("no application of {other}"),
    };
    app.with("AMQP_URL", &format!("amqp://t:pw@broker.test:{BROKER_PORT}"))
}

/// The clients that consumers here are made with: see `apps/pyamqp/shipping.py`.
///
/// # Panics
/// When there is none.
pub fn consumer(driver: &'static str) -> App {
    let script = |path: &str| file(path).display().to_string();
    let app = match driver {
        "pika" => App::new(driver, format!("{} {}", python().display(), script("apps/pyamqp/shipping.py"))),
        "amqplib" => {
            let modules =
                ["nodeamqp/node_modules", "node/node_modules"].map(|path| installed(path).display().to_string());
            App::new(driver, format!("node {}", script("apps/nodeamqp/shipping.js")))
                .with("NODE_PATH", &modules.join(":"))
        }
        other => panic!("no consumer of {other}"),
    };
    app.with("AMQP_URL", &format!("amqp://t:pw@broker.test:{BROKER_PORT}"))
}

/// Somebody else sends messages to a queue.
///
/// # Panics
/// When the broker does not take them.
pub fn publish(world: &World, queue: &str, messages: &[Value]) {
    let mut order = Command::new(python());
    order.arg(file("apps/pyamqp/order.py")).arg(queue).args(messages.iter().map(Value::to_string));
    order.env("AMQP_URL", format!("amqp://t:pw@127.0.0.1:{BROKER_PORT}"));
    let ended = Process::start(world, &mut order).wait(PATIENCE);
    assert!(ended.status.success(), "the messages were not sent: {}", ended.stderr);
}

/// amqp091-go's own tests, as an application that ends by itself.
pub fn suite() -> App {
    let folder: PathBuf = installed("suites/amqp091-go");
    let tests = format!("go -C {} test -vet=off -count=1 -v -tags integration .", folder.display());
    let app = App::new("amqp091-go-suite", tests).with("GOFLAGS", "-mod=mod").with("GOPROXY", "off");
    app.with("AMQP_URL", &format!("amqp://guest:guest@broker.test:{BROKER_PORT}/"))
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
    number: usize,
    customer: String,
    sent: usize,
}

impl Visitor {
    fn new(number: usize) -> Self {
        let connections = if number % 4 == 3 { Connections::OneEach } else { Connections::Kept };
        Self { client: Client::new(PORT, connections), number, customer: format!("c{number}"), sent: 0 }
    }

    /// Publishes, gets a message back, fetches until there is nothing, calls, and sees what was consumed.
    fn visit(mut self) -> usize {
        let (customer, number) = (self.customer.clone(), self.number);
        for item in ["ink", "pen"] {
            let order = json!({ "customer": customer, "item": item, "quantity": number + 1 });
            self.expect("POST", "/orders", &order, 201, &order);
        }
        let returned = json!({ "code": 312, "text": "NO_ROUTE" });
        self.expect("POST", "/unroutable", &json!({ "customer": customer }), 409, &returned);
        self.expect("POST", "/mailbox", &json!({ "customer": customer, "n": 2 }), 201, &json!({ "sent": 2 }));
        let mailbox = format!("/mailbox?customer={customer}");
        for n in 0..2 {
            self.expect("GET", &mailbox, &Value::Null, 200, &json!({ "n": n }));
        }
        self.expect("GET", &mailbox, &Value::Null, 404, &json!({ "error": "no message" }));
        let doubled = json!({ "customer": customer, "doubled": 2 * number });
        self.expect("POST", "/call", &json!({ "customer": customer, "number": number }), 200, &doubled);
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
