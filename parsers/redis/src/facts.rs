//! What people and the matcher are told of a request.
use keploy_sdk::{Facts, Lifetime, Value};

use crate::command::Command;

/// Summaries are one line of at most so many characters.
const SUMMARY: usize = 100;
/// Of one word in a summary.
const WORD: usize = 40;

pub fn of(request: &Value) -> Facts {
    Command::from_document(request).map(|command| describe(&command, request)).unwrap_or_default()
}

/// The same, when the command is at hand.
pub fn describe(command: &Command, request: &Value) -> Facts {
    let queued = request.get("queued").is_some();
    let lifetime = match command.name().as_str() {
        // Invalidations that follow belong to the connection that asked for them.
        "CLIENT" if command.sub() == "TRACKING" => Lifetime::Connection,
        _ if command.is_setting() && !queued => Lifetime::Session,
        _ => Lifetime::Test,
    };
    Facts { class: class(command), summary: summary(request, command), lifetime }
}

/// The command, its subcommand where it has one, and its first key with whatever looks like an identifier starred.
fn class(command: &Command) -> String {
    let name = command.name();
    let mut class = if name.is_empty() { "?".to_owned() } else { name.clone() };
    if has_subcommands(&name) && !command.sub().is_empty() {
        class = format!("{class} {}", command.sub());
    }
    match key(&name, command).and_then(Value::as_str) {
        Some(key) => format!("{class} {}", starred(key)),
        None => class,
    }
}

fn has_subcommands(name: &str) -> bool {
    const CONTAINERS: [&str; 17] = [
        "ACL", "CLIENT", "CLUSTER", "COMMAND", "CONFIG", "DEBUG", "FUNCTION", "LATENCY", "MEMORY", "MODULE", "OBJECT",
        "PUBSUB", "SCRIPT", "SENTINEL", "SLOWLOG", "XGROUP", "XINFO",
    ];
    CONTAINERS.contains(&name)
}

/// The first key (or channel). Most commands have it first; these are the others.
fn key<'a>(name: &str, command: &'a Command) -> Option<&'a Value> {
    let args = command.args();
    let behind = |word: &str| {
        let at = args.iter().position(|arg| arg.as_str().is_some_and(|text| text.eq_ignore_ascii_case(word)));
        at.map_or(usize::MAX, |at| at + 1)
    };
    let at = match name {
        "ACL" | "ASKING" | "AUTH" | "BGREWRITEAOF" | "BGSAVE" | "CLIENT" | "CLUSTER" | "COMMAND" | "CONFIG"
        | "DBSIZE" | "DEBUG" | "ECHO" | "FAILOVER" | "FLUSHALL" | "FLUSHDB" | "FUNCTION" | "HELLO" | "INFO"
        | "KEYS" | "LASTSAVE" | "LATENCY" | "LOLWUT" | "MODULE" | "PING" | "PUBSUB" | "REPLICAOF" | "ROLE" | "SAVE"
        | "SCAN" | "SCRIPT" | "SELECT" | "SENTINEL" | "SHUTDOWN" | "SLOWLOG" | "SWAPDB" | "TIME" | "WAIT"
        | "WAITAOF" => return None,
        "BITOP" | "MEMORY" | "OBJECT" | "XGROUP" | "XINFO" => 1,
        // `numkeys` goes before the keys.
        "ZDIFF" | "ZINTER" | "ZINTERCARD" | "ZUNION" | "SINTERCARD" | "LMPOP" | "ZMPOP" => 1,
        "EVAL" | "EVALSHA" | "EVAL_RO" | "EVALSHA_RO" | "FCALL" | "FCALL_RO" if args.get(1)?.as_str() == Some("0") => {
            return None;
        }
        "BLMPOP" | "BZMPOP" | "EVAL" | "EVALSHA" | "EVAL_RO" | "EVALSHA_RO" | "FCALL" | "FCALL_RO" => 2,
        "XREAD" | "XREADGROUP" => behind("STREAMS"),
        "MIGRATE" => 2,
        _ => 0,
    };
    args.get(at)
}

/// A key with its changing parts starred: `user:42:cart` is `user:*:cart`.
fn starred(key: &str) -> String {
    let mut all = String::new();
    let mut rest = key;
    while !rest.is_empty() {
        if let Some(behind) = uuid(rest) {
            all.push('*');
            rest = behind;
            continue;
        }
        let end = rest.find([':', '.', '/', '-', '_']).unwrap_or(rest.len());
        let (part, behind) = rest.split_at(end);
        all.push_str(if is_identifier(part) { "*" } else { part });
        let separator = behind.chars().next().map_or(0, char::len_utf8);
        all.push_str(&behind[..separator]);
        rest = &behind[separator..];
    }
    shortened(&all, WORD)
}

/// What is behind a UUID that `text` starts with.
fn uuid(text: &str) -> Option<&str> {
    let (uuid, behind) = text.split_at_checked(36)?;
    let well = uuid.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    well.then_some(behind)
}

/// A number, hexadecimal digits, or something long with digits in it.
fn is_identifier(part: &str) -> bool {
    let digits = part.bytes().filter(u8::is_ascii_digit).count();
    let hex = part.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits > 0 && (digits == part.len() || (hex && part.len() >= 6) || part.len() >= 20)
}

fn summary(request: &Value, command: &Command) -> String {
    let mut line = words(std::iter::once(Value::from(command.name())).chain(command.args().iter().cloned()));
    if let Some(transaction) = request.get("transaction").and_then(Value::as_array) {
        let commands = transaction.iter().filter_map(Value::as_array).map(|command| words(command.iter().cloned()));
        line = format!("{line}: {}", commands.collect::<Vec<_>>().join("; "));
    }
    if request.get("queued").is_some() {
        line.push_str(" (queued)");
    }
    shortened(&line, SUMMARY)
}

fn words(words: impl Iterator<Item = Value>) -> String {
    words.map(|word| shown(&word)).collect::<Vec<_>>().join(" ")
}

fn shown(word: &Value) -> String {
    match word {
        Value::Text(text) if text.is_empty() => "\"\"".to_owned(),
        Value::Text(text) if text.contains(char::is_whitespace) => shortened(&format!("{text:?}"), WORD),
        Value::Text(text) => shortened(text, WORD),
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
    fn what_changes_in_a_key_is_starred() {
        let check = |key, class| assert_eq!(starred(key), class, "{key}");
        check("user:42:cart", "user:*:cart");
        check("v1/users", "v1/users");
        check("session:9f86d081884c7d65", "session:*");
        check("session:cafe", "session:cafe");
        check("job-123e4567-e89b-12d3-a456-426614174000.done", "job-*.done");
        check("größe_7", "größe_*");
        check("token:Zm9vYmFyYmF6cXV4MTIz", "token:*");
        check("", "");
    }
}
