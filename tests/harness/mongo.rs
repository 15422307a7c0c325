//! A server that speaks MongoDB's protocol, applications of its drivers, and eight clients of theirs. Their API:
//! `apps/pymongo/app.py`.

use std::path::PathBuf;
use std::process::Command;
use std::thread;

use serde_json::{Value, json};

use crate::apps::{App, PORT, cache, installed, python};
use crate::databases::Tls;
use crate::http::{Client, Connections};
use crate::{Process, World, file};

const CLIENTS: usize = 8;
const SERVER_PORT: u16 = 27017;

/// The drivers that applications here are made with.
pub const DRIVERS: &[&str] = &["pymongo", "motor", "mongodb", "mongoose", "mongo-go-driver", "mongo-java-driver"];

/// Who logs in, and how: the users of `servers/mongo.sh`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    ScramSha256,
    ScramSha1,
}

/// A server that lets in users of its own only. It ends with this value.
pub struct Server {
    _process: Process,
    folder: PathBuf,
}

impl Server {
    /// In `world`, which knows it as db.test. It cannot offer TLS: it requires it, or has none.
    pub fn start(world: &World, tls: Tls) -> Self {
        let folder = world.folder().join("mongo");
        let mut command = Command::new(file("servers/mongo.sh"));
        command.arg("run").arg(SERVER_PORT.to_string()).arg(&folder);
        let process = Process::start(world, command.env("TLS", tls.name()).env("KEPLOY_DEV_CACHE", cache()));
        process.wait_for_port(world, SERVER_PORT);
        Self { _process: process, folder }
    }

    /// Who signed its certificate. The file stays as long as the world it was started in.
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }
}

/// The application that is made with this driver. `options`: of the driver, as its address has them.
///
/// # Panics
/// When there is none.
pub fn app(driver: &'static str, mechanism: Mechanism, options: &str) -> App {
    let script = |path: &str| file(path).display().to_string();
    let path = |path: &str| installed(path).display().to_string();
    let app = match driver {
        "pymongo" | "motor" => {
            App::new(driver, format!("{} {} {driver}", python().display(), script("apps/pymongo/app.py")))
        }
        "mongodb" | "mongoose" => App::new(driver, format!("node {} {driver}", script("apps/nodemongo/app.js")))
            .with("NODE_PATH", &path("nodemongo/node_modules")),
        "mongo-go-driver" => App::new(driver, path("gomongo")),
        "mongo-java-driver" => App::new(driver, "java App".to_owned())
            .with("CLASSPATH", &format!("{}:{}/*", path("javamongo/classes"), path("javamongo/lib"))),
        other => panic!("no application of {other}"),
    };
    let (user, mechanism) = match mechanism {
        Mechanism::ScramSha256 => ("t", "SCRAM-SHA-256"),
        Mechanism::ScramSha1 => ("o", "SCRAM-SHA-1"),
    };
    let address = format!("mongodb://{user}:pw@db.test:{SERVER_PORT}/shop");
    app.with("MONGO_URI", &format!("{address}?authSource=admin&authMechanism={mechanism}{options}"))
}

/// Makes the indexes, then all clients at once, each a customer of its own, then a write that nobody waits for; returns how
/// many requests were sent. Runs in the calling thread's network.
///
/// # Panics
/// When an answer is not what the API promises: the application must not notice that it is recorded.
pub fn visit() -> usize {
    let mut first = Visitor::new(0);
    first.expect("POST", "/setup", &json!({}), 200, &json!({ "ready": true }));
    let sent: usize = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|number| scope.spawn(move || Visitor::new(number).visit())).collect();
        clients.into_iter().map(|client| client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).sum()
    });
    // Nobody sees whether such a write was sent before the answer to its request. So it comes alone, and last.
    first.expect("POST", "/forget", &json!({ "customer": first.customer }), 202, &json!({ "sent": true }));
    first.sent + sent
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

    /// Inserts and finds by the driver's ids, pages through cursors, writes in bulk, counts up, commits, aborts, and fails on
    /// purpose.
    fn visit(mut self) -> usize {
        let customer = self.customer.clone();
        let mine = json!({ "customer": customer });
        let listing = format!("/orders?customer={customer}");

        self.expect("GET", &listing, &Value::Null, 200, &json!({ "orders": [] }));
        let tea = self.order("tea 'ünï' ✓", 2, "12.50");
        let bread = self.order("bread", 1, "0.05");
        let id = tea["id"].as_str().unwrap_or_default();
        self.expect("GET", &format!("/orders/{id}"), &Value::Null, 200, &tea);
        self.ask("GET", "/orders/65f0000000000000000000ff", &Value::Null, 404);
        self.expect("GET", &listing, &Value::Null, 200, &json!({ "orders": [bread, tea] }));
        let batch = json!({ "customer": customer, "n": 5 });
        self.expect("POST", "/batch", &batch, 200, &json!({ "count": 5, "sum": 123 }));
        for n in 1..=2 {
            self.expect("POST", "/count", &mine, 200, &json!({ "n": n }));
        }
        self.expect("POST", "/transaction", &mine, 200, &json!({ "during": 3, "count": 2 }));
        const DUPLICATE_KEY: u32 = 11000;
        self.expect("POST", "/fail", &mine, 409, &json!({ "error": DUPLICATE_KEY }));
        let types = self.ask("GET", &format!("/types?customer={customer}"), &Value::Null, 200);
        for (name, value) in [("int", "42"), ("bigint", "9007199254740993"), ("text", "ünïcode ✓")] {
            assert_eq!(types[name], value, "{customer}: {name} in {types}");
        }
        let all = self.ask("GET", &listing, &Value::Null, 200);
        let items: Vec<&Value> = all["orders"].as_array().into_iter().flatten().map(|order| &order["item"]).collect();
        let left = ["bread", "tea 'ünï' ✓", "batch-2", "batch-3", "batch-4", "batch-0", "batch-extra"];
        assert_eq!(items, left, "{customer}: {all}");
        self.sent
    }

    fn order(&mut self, item: &str, quantity: u32, price: &str) -> Value {
        let asked = json!({ "customer": self.customer, "item": item, "quantity": quantity, "price": price });
        let mut expected = asked.clone();
        let made = self.ask("POST", "/orders", &asked, 201);
        expected["id"] = made["id"].clone();
        assert!(made["id"].as_str().is_some_and(|id| id.len() == 24) && made == expected, "{asked} became {made}");
        made
    }

    #[track_caller]
    fn expect(&mut self, method: &str, path: &str, body: &Value, status: u16, expected: &Value) {
        let customer = self.customer.clone();
        assert_eq!(self.ask(method, path, body, status), *expected, "{customer}: {method} {path}");
    }

    #[track_caller]
    fn ask(&mut self, method: &str, path: &str, body: &Value, status: u16) -> Value {
        self.sent += 1;
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let answer = self.client.send(method, path, &body, "application/json");
        let answer = answer.unwrap_or_else(|error| panic!("{}: {method} {path}: {error}", self.customer));
        let text = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, status, "{}: {method} {path} was answered: {text}", self.customer);
        serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {method} {path}: {error}: {text}", self.customer))
    }
}
