//! Clients of the noisy applications' API: see `apps/NOISE.md`.

use std::thread;

use serde_json::{Value, json};

use crate::apps::PORT;
use crate::http::{Answer, Client, Connections};
use crate::is_long;

/// Thirty-two in the long round.
fn clients() -> usize {
    if is_long() { 32 } else { 8 }
}

/// All clients at once, each a user of its own; returns how many requests were sent. Runs in the calling thread's network.
///
/// # Panics
/// When an answer is not what the API promises: the application must not notice that it is recorded.
pub fn visit() -> usize {
    thread::scope(|scope| {
        let clients: Vec<_> = (0..clients()).map(|number| scope.spawn(move || User::new(number).visit())).collect();
        clients.into_iter().map(|client| client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).sum()
    })
}

struct User {
    client: Client,
    name: String,
    sent: usize,
}

impl User {
    fn new(number: usize) -> Self {
        let connections = if number % 8 == 7 { Connections::OneEach } else { Connections::Kept };
        Self { client: Client::new(PORT, connections), name: format!("user-{number}"), sent: 0 }
    }

    fn visit(mut self) -> usize {
        let name = self.name.clone();
        let login = self.ask("POST", "/login", &[], &json!({ "user": name }), 200);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let body = json_of(&login);
        let bearer = format!("Bearer {}", text(&body["token"]));
        let cookie = format!("session={}", text(&body["session"]));
        let token = [("Authorization", bearer.as_str())];
        self.ask("GET", "/verify", &token, &Value::Null, 200);
        self.ask("GET", "/verify", &[], &Value::Null, 401);

        let tags = json!(["new", "red", "blue", "green", "small"]);
        let item = |n: u32| json!({ "name": format!("{name} {n}"), "price": 2.5, "quantity": n, "tags": tags });
        let first = json_of(&self.ask("POST", "/items", &token, &item(1), 201));
        let second = json_of(&self.ask("POST", "/items", &token, &item(2), 201));
        assert_ne!(first["id"], second["id"], "{name}: two items with one id");
        self.ask("POST", "/items", &[], &item(3), 401);

        let path = format!("/items/{}", text(&first["id"]));
        let got = self.ask("GET", &path, &[], &Value::Null, 200);
        let etag = got.header.get("etag").expect("items have an ETag").clone();
        self.ask("GET", &path, &[("If-None-Match", &etag)], &Value::Null, 304);
        let changed = json_of(&self.ask("PUT", &path, &token, &json!({ "quantity": 7 }), 200));
        assert_eq!(changed["quantity"], 7, "{name}: {changed}");
        self.ask("GET", &path, &[("If-None-Match", &etag)], &Value::Null, 200);
        self.ask("GET", "/items/00000000-0000-4000-8000-000000000000", &[], &Value::Null, 404);
        self.ask("GET", "/items?tag=red", &[], &Value::Null, 200);

        self.ask("GET", "/dashboard", &[("Cookie", &cookie)], &Value::Null, 200);
        self.ask("GET", "/dashboard", &[], &Value::Null, 401);
        self.ask("GET", &format!("/quota?user={name}"), &[], &Value::Null, 200);
        let job = json_of(&self.ask("POST", "/jobs", &[], &json!({ "user": name, "text": "hello" }), 202));
        self.ask("GET", &format!("/jobs/{}", text(&job["job"])), &[], &Value::Null, 200);
        self.sent
    }

    fn ask(&mut self, method: &str, path: &str, header: &[(&str, &str)], body: &Value, status: u16) -> Answer {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let mut header = header.to_vec();
        if !body.is_null() {
            header.push(("Content-Type", "application/json"));
        }
        let answer = self.client.send_with(method, path, &header, text.as_bytes());
        let answer = answer.unwrap_or_else(|error| panic!("{}: {method} {path}: {error}", self.name));
        let said = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, status, "{}: {method} {path} was answered: {said}", self.name);
        self.sent += 1;
        answer
    }
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).expect("the API speaks JSON")
}
