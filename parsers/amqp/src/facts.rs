//! What people and the matcher are told of a request.
use keploy_sdk::{Facts, Lifetime, Value};

/// Summaries are one line of at most so many characters.
const SUMMARY: usize = 100;

pub fn of(request: &Value) -> Facts {
    let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
    let method = match text("method") {
        // A message that comes is a test: people see its name.
        "basic.deliver" => "deliver",
        method => method,
    };
    let about = match method {
        "basic.publish" => route(request),
        "basic.ack" | "basic.nack" | "basic.reject" => request.get("delivery").map(of_delivery).unwrap_or_default(),
        "connection.open" => text("virtual-host").to_owned(),
        "exchange.declare" | "exchange.delete" => text("exchange").to_owned(),
        "exchange.bind" | "exchange.unbind" => format!("{} {}", text("source"), text("destination")),
        "queue.bind" | "queue.unbind" => format!("{} {}", text("queue"), text("exchange")),
        _ => text("queue").to_owned(),
    };
    let class = format!("{method} {}", starred(&about)).trim_end().to_owned();
    let body = request.get("body").or_else(|| request.get("delivery")?.get("body"));
    let summary = format!("{method} {about} {}", body.map(shown).unwrap_or_default());
    let summary = shortened(&summary.split_whitespace().collect::<Vec<_>>().join(" "), SUMMARY);
    Facts { class, summary, lifetime: lifetime(method, request) }
}

/// Setting up is done by libraries as often as they connect, and comes to the same each time. All else is an act of the
/// application; so are a queue's name that the server makes up, and its length, which is why people declare passively.
fn lifetime(method: &str, request: &Value) -> Lifetime {
    let is = |name: &str| request.get(name) == Some(&Value::Bool(true));
    match method {
        "queue.declare" if is("passive") || request.get("queue").is_none() => Lifetime::Test,
        "exchange.declare" if is("passive") => Lifetime::Test,
        "exchange.declare" | "exchange.bind" | "exchange.unbind" => Lifetime::Session,
        "queue.declare" | "queue.bind" | "queue.unbind" => Lifetime::Session,
        "basic.qos" | "basic.cancel" | "basic.recover" | "basic.recover-async" => Lifetime::Session,
        "confirm.select" | "tx.select" | "protocol" => Lifetime::Session,
        // Nothing answers a settlement, and libraries send it when they please: mostly, when the test is over.
        "basic.ack" | "basic.nack" | "basic.reject" => Lifetime::Session,
        _ if method.starts_with("connection.") || method.starts_with("channel.") => Lifetime::Session,
        _ => Lifetime::Test,
    }
}

fn of_delivery(delivery: &Value) -> String {
    match delivery.get("queue").and_then(Value::as_str) {
        Some(queue) => queue.to_owned(),
        None => route(delivery),
    }
}

/// `exchange/routing-key`; the default exchange has no name.
fn route(message: &Value) -> String {
    let text = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default();
    match (text("exchange"), text("routing-key")) {
        ("", key) => key.to_owned(),
        (exchange, "") => exchange.to_owned(),
        (exchange, key) => format!("{exchange}/{key}"),
    }
}

/// A name with its changing parts starred: `orders.42.paid` is `orders.*.paid`.
fn starred(name: &str) -> String {
    for made_up in ["amq.gen-", "amq.ctag-", "amq.rabbitmq.reply-to"] {
        if name.starts_with(made_up) {
            return format!("{made_up}*");
        }
    }
    let is_separator = |c: char| matches!(c, '.' | '/' | ':' | '-' | '_' | ' ');
    let mut all = String::new();
    for part in name.split_inclusive(is_separator) {
        let word = part.trim_end_matches(is_separator);
        all.push_str(if is_identifier(word) { "*" } else { word });
        all.push_str(&part[word.len()..]);
    }
    while all.contains("*-*") {
        all = all.replace("*-*", "*"); // a UUID
    }
    shortened(&all, SUMMARY)
}

/// A number, hexadecimal digits, or something long with digits in it.
fn is_identifier(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits > 0 && (digits == word.len() || (hex && word.len() >= 4) || word.len() >= 20)
}

fn shown(body: &Value) -> String {
    match body {
        Value::Text(text) => shortened(text, SUMMARY),
        Value::Bytes(bytes) => format!("<{} bytes>", bytes.len()),
        _ => "<blob>".to_owned(),
    }
}

fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::starred;

    #[test]
    fn what_changes_in_a_name_is_starred() {
        let check = |name, class| assert_eq!(starred(name), class, "{name}");
        check("orders/order.42.paid", "orders/order.*.paid");
        check("v1.users", "v1.users");
        check("amq.gen-JzTY20BRgKO-HjmUJj0wLg", "amq.gen-*");
        check("amq.rabbitmq.reply-to.g1h2AA5", "amq.rabbitmq.reply-to*");
        check("reply.123e4567-e89b-12d3-a456-426614174000", "reply.*");
        check("", "");
    }
}
