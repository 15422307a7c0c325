//! What people and the matcher are told of a request.
use keploy_sdk::{Facts, Lifetime, Value};

use crate::topics::{list, number, said};

const SUMMARY: usize = 100;

/// What changes something for good: once, in its test. What is at an offset stays the same, whoever fetches it, and when.
const ACTS: [&str; 14] = [
    "Produce",
    "EndTxn",
    "CreateTopics",
    "DeleteTopics",
    "DeleteRecords",
    "CreatePartitions",
    "DeleteGroups",
    "AlterConfigs",
    "IncrementalAlterConfigs",
    "CreateAcls",
    "DeleteAcls",
    "OffsetDelete",
    "AlterUserScramCredentials",
    "ElectLeaders",
];

pub fn is_act(request: &Value) -> bool {
    request.get("api").and_then(Value::as_str).is_some_and(|api| ACTS.contains(&api))
}

pub fn of(request: &Value) -> Facts {
    let text = |name: &str| request.get(name).and_then(Value::as_str);
    let api = text("api").unwrap_or("?");
    if let Some(first) = list(request, "records").first().filter(|_| api == "Fetch") {
        return of_delivery(first);
    }
    let mut subject = ["topic", "groupId", "transactionalId"].into_iter().find_map(text).unwrap_or_default().to_owned();
    if api == "Fetch" {
        // Records at another offset are no others of the same class: they are never what is wanted.
        let (partition, offset) = (number(request, "partition"), number(request, "offset"));
        subject.push_str(&format!("/{partition} from {offset}"));
    }
    let class = format!("{api} {subject}").trim_end().to_owned();
    let record = ["key", "value"].into_iter().filter_map(|name| shown(request.get(name)?));
    // People know topics by their names.
    let named = text("topic").and_then(|id| Some((id, request.get("names")?.get(id)?.as_str()?)));
    let called = named.map_or_else(|| class.clone(), |(id, name)| class.replacen(id, name, 1));
    let summary = [called].into_iter().chain(record).collect::<Vec<_>>().join(" ");
    let lifetime = match api {
        _ if is_act(request) => Lifetime::Test,
        // Each member has its own partitions.
        "JoinGroup" | "SyncGroup" | "ConsumerGroupHeartbeat" => Lifetime::Connection,
        _ => Lifetime::Session,
    };
    Facts { class, summary: shortened(&summary), lifetime }
}

/// Records that come are a test: people see its name.
fn of_delivery(first: &Value) -> Facts {
    let class = format!("deliver {}", said(first));
    let of_record = ["key", "value"].into_iter().filter_map(|name| shown(first.get(name)?));
    let summary = std::iter::once(class.clone()).chain(of_record).collect::<Vec<_>>().join(" ");
    Facts { class, summary: shortened(&summary), lifetime: Lifetime::Test }
}

fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Bytes(bytes) => Some(format!("<{} bytes>", bytes.len())),
        _ => None,
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SUMMARY) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
