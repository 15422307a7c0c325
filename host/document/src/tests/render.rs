use crate::{DiffOptions, Noise, Value, diff, render, yaml::parse_one};

fn shown(expected: &str, actual: &str) -> String {
    let (expected, actual) = (parse_one(expected).unwrap(), parse_one(actual).unwrap());
    render(&diff(&expected, &actual, &Noise::default(), DiffOptions::default()), 20)
}

#[test]
fn one_line_each() {
    let expected =
        r#"{status: 200, header: {ETag: x, Vary: y}, body: '{"price": 10, "id": 7, "tags": ["a"], "big": 0.5}'}"#;
    let actual =
        r#"{status: 200, header: {ETag: z, Age: 3}, body: '{"price": 12, "id": "7", "tags": {}, "big": null}'}"#;
    assert_eq!(
        shown(expected, actual),
        "\
body.big: expected 0.5 (float), got null
body.id: expected 7 (integer), got \"7\" (text)
body.price: expected 10, got 12
body.tags: expected [\"a\"] (array), got {} (map)
header.Age: not expected, got 3
header.ETag: expected \"x\", got \"z\"
header.Vary: missing, expected \"y\"
"
    );
}

#[test]
fn texts_of_several_lines_are_a_small_diff() {
    assert_eq!(
        shown("{body: \"one\\ntwo\\nthree\\nfour\\nfive\\n\"}", "{body: \"one\\ntwo\\n3\\nfour\\nfive\\n\"}"),
        "\
body: the text differs
  @@ -1,5 +1,5 @@
   one
   two
  -three
  +3
   four
   five
"
    );
}

#[test]
fn long_texts_are_shown_where_they_part() {
    let long = |middle: &str| Value::Text(format!("{}{middle}{}", "x".repeat(500), "y".repeat(500)));
    let found = diff(&long("old"), &long("new"), &Noise::default(), DiffOptions::default());
    let start = format!(
        "everything: expected ...\"{}old{}\"..., got ...\"{}new",
        "x".repeat(20),
        "y".repeat(77),
        "x".repeat(20)
    );
    let text = render(&found, 1);
    assert!(text.starts_with(&start), "{text}");
}

#[test]
fn what_is_too_much_is_counted() {
    let (expected, actual) = (parse_one("[1, 2, 3]").unwrap(), parse_one("[4, 5, 6]").unwrap());
    let found = diff(&expected, &actual, &Noise::default(), DiffOptions::default());
    assert_eq!(render(&found, 1), "[0]: expected 1, got 4\n... and 2 more\n");
}

#[test]
fn bytes_are_counted_and_begun() {
    assert_eq!(
        shown("!!binary AAEC", "!!binary AAED"),
        "everything: expected 3 bytes (00 01 02), got 3 bytes (00 01 03)\n"
    );
}
