use crate::{BadRule, DiffOptions, Map, Noise, Value, diff, yaml::parse_one};

fn noise(rules: &[(&str, &[&str])]) -> Noise {
    let rule =
        |(pattern, values): &(&str, &[&str])| ((*pattern).to_owned(), values.iter().map(|v| (*v).to_owned()).collect());
    Noise::new(rules.iter().map(rule)).unwrap()
}

fn yaml(text: &str) -> Value {
    parse_one(text).unwrap()
}

fn strip(rules: &[(&str, &[&str])], document: &str) -> Value {
    noise(rules).strip(&yaml(document))
}

#[test]
fn a_pattern_covers_its_entry_and_nothing_else() {
    assert_eq!(strip(&[("a.b", &[])], "{a: {b: 1, c: 2}, b: 3}"), yaml("{a: {b: <noise>, c: 2}, b: 3}"));
    assert_eq!(strip(&[("a.b", &[])], "{a: {b: {x: 1, y: 2}}}"), yaml("{a: {b: <noise>}}"));
}

#[test]
fn names_of_headers_have_no_case() {
    assert_eq!(
        strip(&[("header.date", &[])], "{header: {Date: x, ETag: y}}"),
        yaml("{header: {Date: <noise>, ETag: y}}")
    );
    assert_eq!(strip(&[("body.date", &[])], "{body: {Date: x}}"), yaml("{body: {Date: x}}"));
}

#[test]
fn repeated_headers_are_covered_all() {
    assert_eq!(
        strip(&[("header.Set-Cookie", &[])], "{header: {Set-Cookie: [a, b]}}"),
        yaml("{header: {Set-Cookie: <noise>}}")
    );
    let listed = strip(&[("header.Date", &[])], "{header: [{Host: h}, {Date: x}]}");
    assert_eq!(listed, yaml("{header: [{Host: h}, {Date: <noise>}]}"));
}

#[test]
fn arrays_need_no_mention() {
    let expected = yaml("{items: [{id: <noise>, n: 1}, {id: <noise>, n: 2}]}");
    assert_eq!(strip(&[("items.id", &[])], "{items: [{id: 7, n: 1}, {id: 8, n: 2}]}"), expected);
    assert_eq!(strip(&[("items.*.id", &[])], "{items: [{id: 7, n: 1}, {id: 8, n: 2}]}"), expected);
}

#[test]
fn one_element_can_be_named() {
    let expected = yaml("{items: [{id: 7}, {id: <noise>}]}");
    assert_eq!(strip(&[("items[1].id", &[])], "{items: [{id: 7}, {id: 8}]}"), expected);
    assert_eq!(strip(&[("items.1.id", &[])], "{items: [{id: 7}, {id: 8}]}"), expected);
    assert_eq!(strip(&[("m[0][1]", &[])], "{m: [[1, 2], [3, 4]]}"), yaml("{m: [[1, <noise>], [3, 4]]}"));
}

#[test]
fn json_in_a_text_is_part_of_the_tree() {
    let stripped = strip(&[("body.data.id", &[])], r#"{body: '{"data": [{"id": 5, "n": 1}]}'}"#);
    assert_eq!(stripped, yaml(r#"{body: '{"data":[{"id":"<noise>","n":1}]}'}"#));
    // A notification whose message is JSON in JSON.
    let stripped = strip(&[("body.Message.id", &[])], r#"{body: '{"Message":"{\"id\":1}"}'}"#);
    assert_eq!(stripped, yaml(r#"{body: '{"Message":"{\"id\":\"<noise>\"}"}'}"#));
}

#[test]
fn a_star_at_the_end_is_everything_below_and_the_value_itself() {
    for pattern in ["body", "body.*"] {
        for body in ["text", "'{\"a\": 1}'", "[1, 2]", "!!binary AAAA"] {
            assert_eq!(strip(&[(pattern, &["*"])], &format!("{{body: {body}, x: 1}}")), yaml("{body: <noise>, x: 1}"));
        }
    }
    assert_eq!(strip(&[("*", &[])], "{a: 1}"), Value::Text("<noise>".into()));
}

#[test]
fn names_with_points_are_found_by_the_path_that_is_shown() {
    assert_eq!(
        strip(&[("labels.app.kubernetes.io/name", &[])], "{labels: {app.kubernetes.io/name: x}}"),
        yaml("{labels: {app.kubernetes.io/name: <noise>}}")
    );
}

#[test]
fn regular_expressions_choose_values() {
    let rules: &[(&str, &[&str])] = &[("body.at", &["^2026-", "^$"])];
    assert_eq!(strip(rules, "{body: {at: '2026-01-01'}}"), yaml("{body: {at: <noise>}}"));
    assert_eq!(strip(rules, "{body: {at: never}}"), yaml("{body: {at: never}}"));
    assert_eq!(
        strip(&[("body", &["^[0-9]+$"])], "{body: {n: 12, f: 1.5, t: x, l: [7]}}"),
        yaml("{body: {n: <noise>, f: 1.5, t: x, l: [<noise>]}}")
    );
}

#[test]
fn any_rule_without_expressions_wins() {
    let both = noise(&[("a", &["never"])]).merged(&noise(&[("a", &[])]));
    assert_eq!(both.strip(&yaml("{a: 1}")), yaml("{a: <noise>}"));
}

#[test]
fn a_broken_expression_is_named() {
    let error = Noise::new([("body.id".to_owned(), vec!["(".to_owned()])]).unwrap_err();
    assert_eq!(error, BadRule { pattern: "body.id".into(), regex: "(".into(), reason: "unclosed group".into() });
    assert_eq!(error.to_string(), "the noise rule for body.id has a broken regular expression: (: unclosed group");
}

#[test]
fn deep_arrays_and_many_stars_take_no_time() {
    let mut value = Value::Map(Map::new().with("x", 1));
    for _ in 0..100 {
        value = Value::Array(vec![value]);
    }
    let stars = "*.".repeat(50) + "y";
    assert_eq!(noise(&[(stars.as_str(), &[])]).strip(&value), value);
}

#[test]
fn lists_in_any_order() {
    let value = |json: &str| Value::from(Map::new().with("body", json));
    let (a, b) = (value(r#"{"tags":[1,2,{"x":[3,4]}],"n":[1,2]}"#), value(r#"{"tags":[{"x":[3,4]},2,1],"n":[1,2]}"#));
    assert_eq!(crate::reordered(&a, &b, &Noise::default()), ["body.tags"]);
    let any_order = Noise::unordered(["body.tags"]);
    assert_eq!(any_order.hash(&a), any_order.hash(&b));
    assert_eq!(diff(&a, &b, &any_order, DiffOptions::default()), []);
    let c = value(r#"{"tags":[{"x":[3,4]},2,2],"n":[2,1]}"#);
    let paths: Vec<String> = diff(&a, &c, &any_order, DiffOptions::default()).into_iter().map(|d| d.path).collect();
    assert_eq!(paths, ["body.n[0]", "body.n[1]", "body.tags[0]", "body.tags[1]"]);
}
