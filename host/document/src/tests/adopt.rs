//! What is taken over, and what stays.
use crate::{Map, Noise, Value, adopt};

fn body(recorded: &str, live: &str, noise: &Noise) -> String {
    let of = |text: &str| Value::from(Map::new().with("body", text));
    let adopted = adopt(&of(recorded), &of(live), noise);
    adopted.get("body").and_then(Value::as_str).expect("a text").to_owned()
}

#[test]
fn json_keeps_its_spelling_but_for_what_changed() {
    for (recorded, live, adopted) in [
        (r#"{"a": 1, "b": 1.0}"#, r#"{"b":1.00,"a":2}"#, r#"{"a": 2, "b": 1.0}"#),
        (r#"{"a": 1, "gone": [1, 2], "b": "x"}"#, r#"{"a":1,"b":"x"}"#, r#"{"a": 1, "b": "x"}"#),
        (r#"{"a": 1, "b": 2}"#, r#"{"a":1,"new":{"c":3},"b":2}"#, r#"{"a": 1, "new":{"c":3}, "b": 2}"#),
        ("{\n  \"a\": 1\n}\n", "{\n  \"a\": 1,\n  \"b\": []\n}\n", "{\n  \"a\": 1,\n  \"b\": []\n}\n"),
        (r#"{"l": [ {"a": 1}, {"a": 2} ]}"#, r#"{"l":[{"a":1},{"a":3}]}"#, r#"{"l": [ {"a": 1}, {"a": 3} ]}"#),
        (r#"{"l": [1, 2]}"#, r#"{"l":[1,2,3]}"#, r#"{"l": [1,2,3]}"#),
        (r#"{"t": "a\"}]", "n": null}"#, r#"{"t":"a\"}]","n":true}"#, r#"{"t": "a\"}]", "n": true}"#),
        ("{ }", r#"{"a":1}"#, r#"{"a":1 }"#),
        ("[1]", "plain", "plain"),
    ] {
        assert_eq!(body(recorded, live, &Noise::default()), adopted, "{recorded} <- {live}");
    }
}

#[test]
fn what_noise_covers_stays_as_recorded() {
    let noise =
        Noise::new([("body.id".to_owned(), vec![]), ("body.items[0].at".to_owned(), vec![])]).expect("no regex");
    let noise = noise.merged(&Noise::unordered(["body.tags"]));
    let recorded = r#"{"id": 1, "n": 1, "items": [{"at": 1}, {"at": 2}], "tags": ["b", "a"]}"#;
    let live = r#"{"id": 7, "n": 2, "items": [{"at": 8}, {"at": 9}], "tags": ["a", "b"]}"#;
    let adopted = r#"{"id": 1, "n": 2, "items": [{"at": 1}, {"at": 9}], "tags": ["b", "a"]}"#;
    assert_eq!(body(recorded, live, &noise), adopted);
    let recorded = Value::from(Map::new().with("body", recorded));
    assert_eq!(noise.covered(&recorded), ["body.id", "body.items[0].at"]);
}

#[test]
fn entries_keep_their_order() {
    let of = |names: &[(&str, i64)]| Value::from(names.iter().fold(Map::new(), |map, (name, n)| map.with(*name, *n)));
    let adopted =
        adopt(&of(&[("z", 1), ("a", 2), ("m", 3)]), &of(&[("a", 5), ("new", 6), ("z", 1)]), &Noise::default());
    let names: Vec<&str> = adopted.as_map().expect("a map").iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["z", "a", "new"]);
    assert_eq!(adopted, of(&[("z", 1), ("a", 5), ("new", 6)]));
}
