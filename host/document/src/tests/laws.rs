use proptest::prelude::*;

use super::generate::{pair, value};
use crate::{DiffOptions, Noise, Value, diff, hash, similarity};

fn rules() -> impl Strategy<Value = Noise> {
    let patterns = &["a", "b", "*", "body.*", "header.A", "a.b", "*.a", "t.x", "[0]", "a[1]", ""][..];
    let values = &["", "*", "1", "^.$", "x"][..];
    let rule = (prop::sample::select(patterns), prop::sample::select(values));
    prop::collection::vec(rule, 0..3).prop_map(|rules| {
        let rule = |(pattern, value): (&str, &str)| {
            (pattern.to_owned(), if value.is_empty() { vec![] } else { vec![value.to_owned()] })
        };
        Noise::new(rules.into_iter().map(rule)).expect("the regular expressions above are right")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_document_does_not_differ_from_itself(value in value(), noise in rules()) {
        for ignore_ordering in [false, true] {
            prop_assert_eq!(diff(&value, &value, &noise, DiffOptions { ignore_ordering }), vec![]);
        }
        prop_assert_eq!(similarity(&value, &value, &noise), 1000);
    }

    #[test]
    fn hash_and_diff_agree((a, b) in pair()) {
        let differences = diff(&a, &b, &Noise::default(), DiffOptions::default());
        prop_assert_eq!(hash(&a) == hash(&b), differences.is_empty(), "{:?}", differences);
        prop_assert_eq!(differences.is_empty(), similarity(&a, &b, &Noise::default()) == 1000);
    }

    #[test]
    fn hash_and_diff_agree_under_noise((a, b) in pair(), noise in rules()) {
        let differences = diff(&a, &b, &noise, DiffOptions::default());
        prop_assert_eq!(noise.hash(&a) == noise.hash(&b), differences.is_empty(), "{:?}", differences);
    }

    #[test]
    fn stripping_once_is_enough(value in value(), noise in rules()) {
        let once = noise.strip(&value);
        prop_assert_eq!(noise.strip(&once), once.clone());
        prop_assert_eq!(hash(&once), noise.hash(&value));
    }

    #[test]
    fn equal_documents_have_equal_hashes((a, b) in pair()) {
        if a == b {
            prop_assert_eq!(hash(&a), hash(&b));
        }
    }

    #[test]
    fn ignoring_order_finds_no_more((a, b) in pair()) {
        let noise = Noise::default();
        if diff(&a, &b, &noise, DiffOptions::default()).is_empty() {
            prop_assert_eq!(diff(&a, &b, &noise, DiffOptions { ignore_ordering: true }), vec![]);
        }
    }
}

#[test]
fn not_a_number_is_itself() {
    let nan = Value::Array(vec![f64::NAN.into(), (-0.0).into()]);
    let other = Value::Array(vec![(-f64::NAN).into(), 0.0.into()]);
    assert_eq!(diff(&nan, &other, &Noise::default(), DiffOptions::default()), []);
    assert_eq!(hash(&nan), hash(&other));
}

#[test]
fn the_hash_never_changes() {
    // Hashes may be kept in files: a new value here breaks them.
    assert_eq!(
        hash(&Value::Text("{\"b\": 1.50, \"a\": [null]}".into())).to_string(),
        hash(&Value::Text("{\"a\":[null],\"b\":15e-1}".into())).to_string()
    );
    assert_eq!(hash(&Value::Text("hello".into())).to_string(), "10f85e74ef2d0faa4e5c2b30fdfe7050");
}

#[test]
fn json_nested_in_json_in_json_is_opened_so_far_and_no_further() {
    let deep = |levels: usize| Value::Text(format!("{}{}", "[".repeat(levels), "]".repeat(levels)));
    let spaced = |levels: usize| Value::Text(format!("{}{}", "[ ".repeat(levels), "]".repeat(levels)));
    assert_eq!(hash(&deep(200)), hash(&spaced(200)));
    assert_ne!(hash(&deep(10_000)), hash(&spaced(10_000)));
}
