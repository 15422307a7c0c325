use proptest::prelude::*;

use crate::{
    Blob, Map, Value,
    tests::generate::{text, value},
    yaml::{emit, emit_into, parse_all, parse_one},
};

fn mapped(value: impl Into<Value>) -> Value {
    Value::Map(Map::new().with("k", value))
}

#[test]
fn looks_like_the_seed_systems_files() {
    let header =
        Map::new().with("Accept", "*/*").with("Content-Length", "33").with("Date", "Fri, 17 Jul 2026 09:10:53 GMT");
    let document = Map::new()
        .with("version", "api.keploy.io/v1beta1")
        .with("metadata", Map::new())
        .with("header", header)
        .with("body", "{\"url\":\"https://example.com/one\"}")
        .with("page", "{\n  \"a\": 1\n}\n")
        .with("empty", "")
        .with("on", true)
        .with("objects", Value::Array(vec![]))
        .with(
            "requests",
            vec![
                Value::Map(Map::new().with("origin", "client").with("message", vec!["x".into(), Value::Null])),
                1.5.into(),
            ],
        )
        .with("data", "+OK\r\n")
        .with("raw", vec![0, 255])
        .with("kept", Blob { id: 9, size: 5, sha256: [0xab; 32] });
    let expected = format!(
        "\
version: api.keploy.io/v1beta1
metadata: {{}}
header:
  Accept: '*/*'
  Content-Length: \"33\"
  Date: Fri, 17 Jul 2026 09:10:53 GMT
body: '{{\"url\":\"https://example.com/one\"}}'
page: |
  {{
    \"a\": 1
  }}
empty: \"\"
\"on\": true
objects: []
requests:
  - origin: client
    message:
      - x
      - null
  - 1.5
data: \"+OK\\r\\n\"
raw: !!binary AP8=
kept: !blob {{path: assets/{}, size: 5}}
",
        "ab".repeat(32)
    );
    assert_eq!(emit(&Value::Map(document.clone())), expected);
    assert_eq!(parse_one(&expected), Ok(Value::Map(document)));
}

#[test]
fn literal_blocks_keep_every_line_break() {
    assert_eq!(emit(&mapped("a\nb")), "k: |-\n  a\n  b\n");
    assert_eq!(emit(&mapped("a\nb\n")), "k: |\n  a\n  b\n");
    assert_eq!(emit(&mapped("a\n\nb\n\n\n")), "k: |+\n  a\n\n  b\n\n\n");
    assert_eq!(emit(&mapped("\n  a\nb")), "k: |2-\n\n    a\n  b\n");
    assert_eq!(emit(&"a\nb".into()), "|-\n  a\n  b\n");
}

#[test]
fn what_a_block_would_lose_is_quoted() {
    for text in ["\n", "a \nb", "a\n\t\nb", "a\r\nb", "a\n\u{85}", "\u{feff}a\nb"] {
        assert!(emit(&mapped(text)).starts_with("k: \""), "{text:?}");
    }
    // At the top of a document readers disagree about how deep "|2" is.
    assert_eq!(emit(&" a\nb".into()), "\" a\\nb\"\n");
}

#[test]
fn texts_that_look_like_something_else_are_quoted() {
    for text in [
        "yes",
        "No",
        "ON",
        "y",
        "~",
        "null",
        "NULL",
        "True",
        "1",
        "-1",
        "+1",
        "1_000",
        "0x1",
        "0o7",
        "0b1",
        "007",
        "12:30",
        "190:20:30.15",
        "2024-01-01",
        "2024-01-01T00:00:00Z",
        "2024-01-01 00:00:00 +1",
        "1e3",
        "1.5",
        ".5",
        ".",
        ".inf",
        "-.INF",
        ".NaN",
        "=",
        "<<",
        "-",
    ] {
        assert_eq!(emit(&text.into()), format!("\"{text}\"\n"));
    }
    for text in [
        "15ftgG",
        "1.1 Caddy",
        "16.14 (Debian)",
        "v1",
        ":authority",
        "-x",
        "a:b",
        "a#b",
        "https://e.org/?a=b",
        "é",
        "yes sir",
    ] {
        assert_eq!(emit(&text.into()), format!("{text}\n"));
    }
    for text in [
        "- a", "? a", "# a", "a: b", "a #b", "a:", "%a", "@a", "`a", "&a", "*a", "!a", "|", ">", "{a", "[a", "--- a",
        " a", "a ", "'a'",
    ] {
        assert_eq!(emit(&text.into()), format!("'{}'\n", text.replace('\'', "''")));
    }
}

#[test]
fn floats_stay_floats_and_exact() {
    for (float, text) in
        [(1.0, "1.0"), (-0.0, "-0.0"), (0.1, "0.1"), (1e300, "1.0e+300"), (1.5e-7, "1.5e-7"), (f64::INFINITY, ".inf")]
    {
        assert_eq!(emit(&float.into()), format!("{text}\n"));
        assert_eq!(
            parse_one(text).map(|value| matches!(value, Value::Float(f) if f.to_bits() == float.to_bits())),
            Ok(true)
        );
    }
    assert!(matches!(parse_one(&emit(&f64::NAN.into())), Ok(Value::Float(f)) if f.is_nan()));
}

#[test]
fn deep_documents_survive() {
    let mut value = Value::Text("x\ny".into());
    for level in 0..100 {
        value = if level % 2 == 0 { Value::Array(vec![value, Value::Null]) } else { mapped(value) };
    }
    assert_eq!(parse_one(&emit(&value)), Ok(value));
}

#[test]
fn long_names_survive() {
    let name = "n".repeat(5000);
    for value in [Value::Null, mapped(1), Value::Array(vec![1.into()]), "a\nb".into()] {
        let value = Value::Map(Map::new().with(name.as_str(), value).with("k", 1));
        assert_eq!(parse_one(&emit(&value)), Ok(value.clone()));
        assert!(serde_yaml::from_str::<serde_yaml::Value>(&emit(&value)).is_ok());
    }
}

/// Does another reader find the same? (It refuses integers beyond 64 bits, and does not know binary.)
fn agrees(ours: &Value, theirs: &serde_yaml::Value) -> bool {
    match (ours, theirs) {
        (Value::Null, theirs) => theirs.is_null(),
        (Value::Bool(b), theirs) => theirs.as_bool() == Some(*b),
        (Value::Int(n), theirs) => theirs.as_i64().map(i128::from).or(theirs.as_u64().map(i128::from)) == Some(*n),
        (Value::Float(f), theirs) => theirs.is_f64() && theirs.as_f64() == Some(*f),
        (Value::Text(text), theirs) => theirs.as_str() == Some(text),
        (Value::Array(items), serde_yaml::Value::Sequence(theirs)) => {
            items.len() == theirs.len() && items.iter().zip(theirs).all(|(ours, theirs)| agrees(ours, theirs))
        }
        (Value::Map(map), serde_yaml::Value::Mapping(theirs)) => {
            let same = |(name, value): (&str, &Value)| theirs.get(name).is_some_and(|theirs| agrees(value, theirs));
            map.len() == theirs.len() && map.iter().all(same)
        }
        (Value::Bytes(_) | Value::Blob(_), _) => true,
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn texts_survive(text in text()) {
        for value in [Value::Text(text.clone()), mapped(text.as_str()), Value::Array(vec![Value::Array(vec![text.as_str().into()]), 1.into()]), Value::Map(Map::new().with(text.as_str(), 1))] {
            let yaml = emit(&value);
            prop_assert_eq!(parse_one(&yaml), Ok(value.clone()), "{}", yaml);
            let theirs = serde_yaml::from_str(&yaml).map_err(|error| TestCaseError::fail(format!("{error}: {yaml}")))?;
            prop_assert!(agrees(&value, &theirs), "{yaml}\n{theirs:?}");
        }
    }

    #[test]
    fn documents_survive(value in value()) {
        let yaml = emit(&value);
        prop_assert_eq!(parse_one(&yaml), Ok(value.clone()), "{}", yaml);
        match serde_yaml::from_str(&yaml) {
            Ok(theirs) => prop_assert!(agrees(&value, &theirs), "{yaml}\n{theirs:?}"),
            Err(error) => prop_assert!(error.to_string().contains("128, expected any YAML value"), "{error}: {yaml}"),
        }
    }

    #[test]
    fn streams_survive(values in prop::collection::vec(value(), 1..4)) {
        let mut yaml = String::new();
        for value in &values {
            yaml.push_str("---\n");
            emit_into(value, &mut yaml);
        }
        let read = parse_all(&yaml).map(|documents| documents.into_iter().map(|document| document.value).collect::<Vec<_>>());
        prop_assert_eq!(read, Ok(values));
    }

    /// Git may turn line breaks on the way to a Windows machine.
    #[test]
    fn line_breaks_of_windows_change_nothing(value in value()) {
        prop_assert_eq!(parse_one(&emit(&value).replace('\n', "\r\n")), Ok(value));
    }
}
