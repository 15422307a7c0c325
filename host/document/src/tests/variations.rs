//! What is broken, and where.
use crate::{Map, Value, leaves, variations};

#[test]
fn every_value_is_changed_once_and_alone() {
    let body = r#"{"a": [1, {"b": "x"}], "c": true, "d": null, "e": "", "f": "\n"}"#;
    let document = Value::from(Map::new().with("n", 9).with("body", body).with("t", "9z").with("none", Value::Null));
    let all = variations(&document, 100);
    let shown: Vec<String> = all
        .iter()
        .map(|(path, changed)| {
            let differences = crate::diff(&document, changed, &crate::Noise::default(), crate::DiffOptions::default());
            let [only] = differences.as_slice() else { panic!("{path}: {differences:?}") };
            assert_eq!(only.path, path.to_string());
            format!("{path} {:?}", only.actual.as_ref().expect("it is there"))
        })
        .collect();
    let expected = [
        "n Int(10)",
        "body.a[0] Int(2)",
        "body.a[1].b Text(\"y\")",
        "body.c Bool(false)",
        "body.e Text(\"x\")",
        "body.f Text(\"x\\n\")",
        "t Text(\"8z\")",
    ];
    assert_eq!(shown, expected);
    assert_eq!(variations(&document, 2).len(), 2);
}

#[test]
fn leaves_are_found_in_json_too() {
    let document = Value::from(Map::new().with("body", r#"{"a": [1, "x"]}"#).with("n", 2));
    let found: Vec<String> = leaves(&document).iter().map(|(path, _)| path.to_string()).collect();
    assert_eq!(found, ["body.a[0]", "body.a[1]", "n"]);
}
