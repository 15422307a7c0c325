//! Eight clients of the database applications' API: see `apps/README.md`.

use std::thread;

use serde_json::{Value, json};

use crate::apps::PORT;
use crate::http::{Client, Connections};

pub const CLIENTS: usize = 8;

/// Makes the table, then all clients at once, each a customer of its own; returns how many requests were sent. Runs in the
/// calling thread's network.
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
    first.sent + sent
}

/// Has the application GET `url` with one of its clients; returns what that client got: `{status, body}`.
///
/// # Panics
/// When it got nothing.
pub fn fetch(client: &str, url: &str) -> Value {
    Visitor::new(0).ask("GET", &format!("/fetch?client={client}&url={url}"), &Value::Null, 200)
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

    /// Reads, writes, batches, rolls back and fails on purpose.
    fn visit(mut self) -> usize {
        let customer = self.customer.clone();
        let mine = json!({ "customer": customer });
        let listing = format!("/orders?customer={customer}");

        self.expect("GET", &listing, &Value::Null, 200, &json!({ "orders": [] }));
        let tea = self.order("tea 'ünï' ✓", 2, "12.50");
        let bread = self.order("bread", 1, "0.05");
        self.expect("GET", &format!("/orders/{}", tea["id"]), &Value::Null, 200, &tea);
        self.ask("GET", "/orders/999999999", &Value::Null, 404);
        self.expect("GET", &listing, &Value::Null, 200, &json!({ "orders": [tea, bread] }));
        let batch = json!({ "customer": customer, "n": 5 });
        self.expect("POST", "/batch", &batch, 200, &json!({ "count": 5, "sum": 15 }));
        self.expect("POST", "/rollback", &mine, 200, &json!({ "during": 8, "count": 7 }));
        let refusal = self.ask("POST", "/fail", &mine, 409);
        // PostgreSQL's SQLSTATE for a check; MySQL's and MariaDB's numbers.
        let codes = ["23514", "3819", "4025"];
        assert!(codes.iter().any(|code| refusal["error"] == *code), "{customer}: the refusal is {refusal}");
        let types = self.ask("GET", "/types", &Value::Null, 200);
        for (name, value) in [("int", "42"), ("bigint", "9007199254740993"), ("text", "ünïcode ✓")] {
            assert_eq!(types[name], value, "{customer}: {name} in {types}");
        }
        let all = self.ask("GET", &listing, &Value::Null, 200);
        let prices: Vec<&Value> = all["orders"].as_array().into_iter().flatten().map(|order| &order["price"]).collect();
        assert_eq!(prices, ["12.50", "0.05", "1.25", "2.50", "3.75", "5.00", "6.25"], "{customer}: {all}");
        self.sent
    }

    fn order(&mut self, item: &str, quantity: u32, price: &str) -> Value {
        let asked = json!({ "customer": self.customer, "item": item, "quantity": quantity, "price": price });
        let mut expected = asked.clone();
        let made = self.ask("POST", "/orders", &asked, 201);
        expected["id"] = made["id"].clone();
        assert!(made["id"].is_u64() && made == expected, "{asked} became {made}");
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
