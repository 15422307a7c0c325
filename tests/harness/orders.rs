//! Sixteen clients of the orders API.

use std::thread;

use crate::apps::PORT;
use crate::http::{Client, Connections};

pub const CLIENTS: usize = 16;

const CURRENCIES: [&str; 6] = ["USD", "EUR", "GBP", "CHF", "JPY", "SEK"];

struct Request {
    method: &'static str,
    path: String,
    body: Vec<u8>,
    content_type: &'static str,
    status: u16,
}

/// All clients at once, each with its own customer and its own order of doing things; returns how many requests were
/// sent. Runs in the calling thread's network.
///
/// # Panics
/// When an answer is not what the API promises: the application must not notice that it is recorded.
pub fn visit() -> usize {
    at_once(plan)
}

/// Every client draws numbers from one counter: which client got which is decided by who came first.
///
/// # Panics
/// See [`visit`].
pub fn draw_tickets() -> usize {
    at_once(|client| {
        let body = format!(r#"{{"customer":"c{client}"}}"#);
        (0..4).map(|_| post("/tickets", &body, 201)).collect()
    })
}

fn at_once(plan: impl Fn(usize) -> Vec<Request> + Copy + Send) -> usize {
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|client| scope.spawn(move || run(client, &plan(client)))).collect();
        clients.into_iter().map(|client| client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).sum()
    })
}

fn run(number: usize, plan: &[Request]) -> usize {
    let connections = if number.is_multiple_of(4) { Connections::OneEach } else { Connections::Kept };
    let client = Client::new(PORT, connections);
    for Request { method, path, body, content_type, status } in plan {
        let answer = client.send(method, path, body, content_type);
        let answer = answer.unwrap_or_else(|error| panic!("client {number}: {method} {path}: {error}"));
        let text = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, *status, "client {number}: {method} {path} was answered: {text}");
        if path == "/echo" {
            assert!(answer.body == *body, "client {number}: {} bytes came back changed", body.len());
        }
    }
    plan.len()
}

fn plan(client: usize) -> Vec<Request> {
    let customer = format!("c{client}");
    let currency = CURRENCIES[client % CURRENCIES.len()];
    let order = |amount: usize| format!(r#"{{"customer":"{customer}","currency":"{currency}","amount":{amount}}}"#);
    vec![
        get("/health", 200),
        get(&format!("/rates/{currency}"), 200),
        post("/orders", &order(client + 1), 201),
        post("/orders", &order(2), 201),
        get(&format!("/orders/{customer}-1"), 200),
        json("PATCH", &format!("/orders/{customer}-1"), r#"{"amount":10}"#, 200),
        get(&format!("/orders?customer={customer}"), 200),
        get(&format!("/rates/{currency}"), 200),
        get(&format!("/rates/X{client}"), 404),
        get(&format!("/orders/nobody-{client}"), 404),
        get(&format!("/report.txt?customer={customer}"), 200),
        echo(client, if client == 0 { 3_000_000 } else { 500 * client }),
        post("/orders", r#"{"customer":"#, 400),
        post("/orders", &format!(r#"{{"customer":"{customer}","currency":"X{client}","amount":1}}"#), 422),
        json("DELETE", &format!("/orders/{customer}-1"), "", 204),
        get(&format!("/orders/{customer}-1"), 404),
        get(&format!("/orders?customer={customer}"), 200),
    ]
}

fn get(path: &str, status: u16) -> Request {
    json("GET", path, "", status)
}

fn post(path: &str, body: &str, status: u16) -> Request {
    json("POST", path, body, status)
}

fn json(method: &'static str, path: &str, body: &str, status: u16) -> Request {
    Request { method, path: path.to_owned(), body: body.into(), content_type: "application/json", status }
}

/// Bytes that are no text, and not the same for two clients.
fn echo(client: usize, len: usize) -> Request {
    let body = crate::pipe::noise(client as u64, len.max(1));
    Request { method: "POST", path: "/echo".to_owned(), body, content_type: "application/octet-stream", status: 200 }
}
