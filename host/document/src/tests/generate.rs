//! Documents that nobody would write, for laws that hold for all of them.

use proptest::prelude::*;

use crate::{Blob, Map, Value};

/// What YAML readers stumble over, alone and in combination.
const SNAGS: &[&str] = &[
    "",
    " ",
    "  ",
    "\n",
    "\n\n",
    "\r",
    "\r\n",
    "\t",
    "\u{0}",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "\u{2029}",
    "\u{feff}",
    "\u{fffe}",
    "\u{10ffff}",
    "\u{1b}",
    "a",
    "é",
    "日本",
    "🦀",
    "#",
    " #",
    "# ",
    "-",
    "- ",
    "-a",
    "--- ",
    "---",
    "...",
    "? ",
    "?",
    ": ",
    ":",
    ":a",
    "a: b",
    ", ",
    "[",
    "]",
    "{",
    "}",
    "&a",
    "*a",
    "!",
    "!!str ",
    "|",
    ">",
    "'",
    "''",
    "\"",
    "\\",
    "%",
    "%YAML",
    "@",
    "`",
    "~",
    "null",
    "Null",
    "true",
    "yes",
    "No",
    "ON",
    "off",
    "y",
    "N",
    "=",
    "<<",
    "0",
    "1",
    "007",
    "0o7",
    "0x1",
    "0b1",
    "1_000",
    "12:30",
    "190:20:30",
    "2024-01-01",
    "2024-01-01T00:00:00Z",
    "2024-01-01 0:0:0",
    "1e3",
    "1.",
    ".5",
    "-.5",
    "+1",
    "1.5e+3",
    ".inf",
    "-.INF",
    ".NaN",
    "{}",
    "[]",
    "{\"a\":1}",
    "<html>",
    "key",
    "value",
    "  indented",
    "trailing ",
];

pub(crate) fn text() -> impl Strategy<Value = String> {
    let snag = prop_oneof![6 => prop::sample::select(SNAGS).prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)];
    prop::collection::vec(snag, 0..6).prop_map(|snags| snags.concat())
}

fn float() -> impl Strategy<Value = f64> {
    prop_oneof![
        // NaN equals nothing, so it has tests of its own.
        any::<f64>().prop_map(|f| if f.is_nan() { 0.5 } else { f }),
        prop::sample::select(
            &[0.0, -0.0, 1.0, 1e16, 1e-7, 1e300, f64::MIN_POSITIVE, f64::MAX, f64::INFINITY, f64::NEG_INFINITY][..]
        ),
    ]
}

/// A JSON text, of few different ones, so that two often mean the same.
fn json() -> impl Strategy<Value = String> {
    prop::sample::select(
        &[
            "{}",
            "[]",
            "{ }",
            "{\"a\":1,\"b\":2}",
            "{\"b\": 2, \"a\": 1}",
            "{\"a\":1.0,\"b\":2}",
            "{\"a\":1,\"a\":2}",
            "[1,2,3]",
            "[1, 2 ,3]\n",
            "[3,2,1]",
            "[1e0,10e-1]",
            "[1.0,1.00]",
            "{\"t\":\"{\\\"x\\\":1}\"}",
            "{\"t\":\"{ \\\"x\\\": 1}\"}",
            "{\"a\":",
            "[\"\\ud800\"]",
            "[100000000000000000000000000000000000000000001]",
            "[100000000000000000000000000000000000000000002]",
            "[[[]]]",
            "[null,true,\"x\"]",
        ][..],
    )
    .prop_map(str::to_owned)
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        2 => Just(Value::Null),
        2 => any::<bool>().prop_map(Value::Bool),
        2 => any::<i128>().prop_map(Value::Int),
        4 => (-2i128..3).prop_map(Value::Int),
        2 => float().prop_map(Value::Float),
        12 => text().prop_map(Value::Text),
        6 => json().prop_map(Value::Text),
        2 => prop::collection::vec(any::<u8>(), 0..5).prop_map(Value::Bytes),
        1 => (any::<u64>(), any::<[u8; 32]>()).prop_map(|(size, sha256)| Value::Blob(Blob { id: 0, size, sha256 })),
    ]
}

pub(crate) fn value() -> impl Strategy<Value = Value> {
    let name = prop_oneof![2 => prop::sample::select(&["a", "b", "c", "header", "body"][..]).prop_map(str::to_owned), 1 => text()];
    leaf().prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((name.clone(), inner), 0..5)
                .prop_map(|entries| Value::Map(entries.into_iter().collect::<Map>())),
        ]
    })
}

/// Documents that often mean the same though they are written differently, and often nearly do.
pub(crate) fn pair() -> impl Strategy<Value = (Value, Value)> {
    let small = prop_oneof![
        json().prop_map(Value::Text),
        (0i128..2).prop_map(Value::Int),
        Just(Value::Float(1.0)),
        Just(Value::Null)
    ];
    let small = small.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::vec((prop::sample::select(&["a", "b"][..]), inner), 0..3).prop_map(|entries| Value::Map(
                entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            )),
        ]
    });
    let small = small.boxed();
    prop_oneof![(small.clone(), small), (value(), value()), value().prop_map(|value| (value.clone(), reversed(value)))]
}

/// The same document with the entries of its maps the other way round.
fn reversed(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(reversed).collect()),
        Value::Map(map) => {
            let mut entries: Vec<_> = map.into_iter().map(|(name, value)| (name, reversed(value))).collect();
            entries.reverse();
            Value::Map(entries.into_iter().collect())
        }
        leaf => leaf,
    }
}
