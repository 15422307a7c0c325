use crate::{DiffOptions, DifferenceKind, Noise, Value, diff, similarity, yaml::parse_one};

fn yaml(text: &str) -> Value {
    parse_one(text).unwrap()
}

/// `path kind` of every difference.
fn found(expected: &str, actual: &str) -> Vec<String> {
    found_with(expected, actual, &Noise::default(), DiffOptions::default())
}

fn found_with(expected: &str, actual: &str, noise: &Noise, options: DiffOptions) -> Vec<String> {
    let differences = diff(&yaml(expected), &yaml(actual), noise, options);
    differences.iter().map(|difference| format!("{} {:?}", difference.path, difference.kind)).collect()
}

#[test]
fn every_kind_of_difference_is_named() {
    assert_eq!(
        found("{a: 1, b: 1, c: 1}", "{b: 2, c: '1', d: 1}"),
        ["a Missing", "b Changed", "c TypeChanged", "d Added"]
    );
    assert_eq!(found("{a: 1}", "{a: 1.0}"), ["a TypeChanged"]);
    assert_eq!(found("a", "b"), [" Changed"]);
}

#[test]
fn both_values_are_handed_over() {
    let found = diff(&yaml("{a: [1, x]}"), &yaml("{a: [1]}"), &Noise::default(), DiffOptions::default());
    let [difference] = &found[..] else { panic!("one difference: {found:?}") };
    assert_eq!((&*difference.path, difference.kind), ("a[1]", DifferenceKind::Missing));
    assert_eq!((&difference.expected, &difference.actual), (&Some(Value::Text("x".into())), &None));
}

#[test]
fn json_texts_are_compared_as_trees() {
    assert_eq!(found(r#"{body: '{"a": 1, "b": [1, 2]}'}"#, r#"{body: '{"b":[1,2],"a":1}'}"#), [""; 0]);
    assert_eq!(found(r#"{body: '{"a": 1, "b": [1, 2]}'}"#, r#"{body: '{"b":[1,3],"a":1}'}"#), ["body.b[1] Changed"]);
    assert_eq!(found(r#"{body: '{"a": 1}'}"#, "{body: oops}"), ["body TypeChanged"]);
    assert_eq!(found(r#"{body: '{"a": 1}'}"#, "{body: {a: 1}}"), ["body TypeChanged"]);
}

#[test]
fn other_texts_are_compared_byte_by_byte() {
    assert_eq!(found("{body: 'a '}", "{body: a}"), ["body Changed"]);
    assert_eq!(found(r#"{body: '{"a": 1, "a": 1}'}"#, r#"{body: '{"a":1,"a":1}'}"#), ["body Changed"]);
}

#[test]
fn json_numbers_are_exact() {
    assert_eq!(found("'[0.10]'", "'[1e-1]'"), [""; 0]);
    assert_eq!(
        found("'[10000000000000000000000000000000000000001]'", "'[10000000000000000000000000000000000000002]'"),
        ["[0] Changed"]
    );
    assert_eq!(found("'[0.12345678901234567890123]'", "'[0.12345678901234567890124]'"), ["[0] Changed"]);
    assert_eq!(found("'[1]'", "'[1.0]'"), ["[0] TypeChanged"]);
    assert_eq!(found("'[1e99999999999999999999]'", "'[1e99999999999999999998]'"), ["[0] Changed"]);
}

#[test]
fn an_insertion_is_one_difference() {
    assert_eq!(found("[a, b, c, d]", "[a, b, c, x, d]"), ["[3] Added"]);
    assert_eq!(found("[a, b, c, d]", "[b, c, d]"), ["[0] Missing"]);
    assert_eq!(found("[{n: 1}, {n: 2}, {n: 3}]", "[{n: 1}, {n: 5}, {n: 3}]"), ["[1].n Changed"]);
}

#[test]
fn large_arrays_are_compared_in_time() {
    let numbers = |from: i128| Value::Array((from..from + 50_000).map(Value::Int).collect());
    let found = diff(&numbers(0), &numbers(50_000), &Noise::default(), DiffOptions::default());
    assert_eq!(found.len(), 50_000);
}

#[test]
fn order_is_ignored_in_json_only_and_only_when_asked() {
    let ignore = DiffOptions { ignore_ordering: true };
    let (a, b) = (r#"{body: '[1, [2, 3], 1]'}"#, r#"{body: '[1, 1, [3, 2]]'}"#);
    assert_ne!(found(a, b), [""; 0]);
    assert_eq!(found_with(a, b, &Noise::default(), ignore), [""; 0]);
    assert_eq!(found_with("'[1, 2, 2]'", "'[2, 1, 1]'", &Noise::default(), ignore), ["[2] Changed"]);
    assert_eq!(found_with("'[1, 2]'", "'[2, 1, 3]'", &Noise::default(), ignore), ["[2] Added"]);
    assert_ne!(found_with("{calls: [1, 2]}", "{calls: [2, 1]}", &Noise::default(), ignore), [""; 0]);
}

#[test]
fn noise_is_the_value_and_not_its_presence() {
    let noise = Noise::new([("a".to_owned(), vec![]), ("t".to_owned(), vec!["^[0-9]+$".to_owned()])]).unwrap();
    let found = |expected, actual| found_with(expected, actual, &noise, DiffOptions::default());
    assert_eq!(found("{a: 1}", "{a: {b: 2}}"), [""; 0]);
    assert_eq!(found("{a: 1}", "{}"), ["a Missing"]);
    assert_eq!(found("{t: '12'}", "{t: '7'}"), [""; 0]);
    assert_eq!(found("{t: '12'}", "{t: x}"), ["t Changed"]);
}

#[test]
fn the_nearest_document_is_the_most_similar() {
    let wanted = yaml(r#"{method: POST, url: /orders/7, body: '{"id": 7, "items": [1, 2, 3]}'}"#);
    let score = |other: &str| similarity(&wanted, &yaml(other), &Noise::default());
    let near = score(r#"{method: POST, url: /orders/8, body: '{"id": 8, "items": [1, 2, 3]}'}"#);
    let far = score(r#"{method: GET, url: /users, body: ''}"#);
    assert!(1000 > near && near > 700 && far < 400 && far > 0, "{near} {far}");
    assert_eq!(score("[]"), 0);
}
