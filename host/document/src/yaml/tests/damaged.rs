//! Whatever stands in a file, reading it ends, soon, with a document or an error.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::yaml::{Documents, build::Builder, parse_all, usual};

const SEEDS: [&str; 5] = [
    include_str!("../../../tests/seed/http-test.yaml"),
    include_str!("../../../tests/seed/grpc-test.yaml"),
    include_str!("../../../tests/seed/mysql-handshake-mock.yaml"),
    include_str!("../../../tests/seed/postgres-transaction-mocks.yaml"),
    "a: &a [x, !!binary QUJD]\nb: {<<: {c: d}, e: *a}\n? |\n  long\n: >-\n  folded\n  text\n'q''q': \"\\x41\\n\"\n",
];

/// Everything that is read without the reader proper.
const USUAL: &str = "# a comment\n---\nversion: api.keploy.io/v1beta1\nname: \"7\"\n\"quoted\": 'single *'\nempty:\nmap: {}\nlist: []\n\
    spec:\n  args:\n    - item:0\n    - 17\n    - name: a\n      more:\n        b: 1.5\n    - true\n  at: 2026-07-17T09:10:53Z\n  \
    odd: a:b {c} [d],#e\nsame:\n- id: x\n  of:\n    - y\n- z\nurl: http://localhost:8080/items/0\nlast: null\n";

#[test]
fn the_usual_is_read_without_the_reader_proper() {
    assert!(usual::document(USUAL).is_some(), "{:?}", parse_all(USUAL));
    assert!(usual::document("a: |\n  b\n").is_none());
}

const PIECES: [&str; 32] = [
    "\n",
    " ",
    "\t",
    "\r",
    "  ",
    ":",
    ": ",
    "- ",
    "? ",
    "#",
    "'",
    "\"",
    "\\",
    "|",
    ">",
    "[",
    "]",
    "{",
    "}",
    ",",
    "&a ",
    "*a",
    "!",
    "!!binary ",
    "!blob ",
    "<<: ",
    "%TAG ",
    "---",
    "...",
    "\u{feff}",
    "\0",
    "🦀",
];

#[derive(Clone, Debug)]
enum Damage {
    Remove(usize, usize),
    Insert(usize, &'static str),
    Repeat(usize, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = || any::<prop::sample::Index>().prop_map(|index| index.index(1 << 20));
    prop_oneof![
        (at(), 1..40usize).prop_map(|(at, length)| Damage::Remove(at, length)),
        (at(), prop::sample::select(&PIECES[..])).prop_map(|(at, piece)| Damage::Insert(at, piece)),
        (at(), 1..40usize).prop_map(|(at, length)| Damage::Repeat(at, length)),
    ]
}

fn damaged(text: &str, damages: Vec<Damage>) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for damage in damages {
        let place = |at: usize| at % (chars.len() + 1);
        match damage {
            Damage::Insert(at, piece) => {
                let at = place(at);
                chars.splice(at..at, piece.chars());
            }
            Damage::Remove(at, length) => {
                let at = place(at);
                chars.drain(at..(at + length).min(chars.len()));
            }
            Damage::Repeat(at, length) => {
                let at = place(at);
                let piece: Vec<char> = chars[at..].iter().take(length).copied().collect();
                chars.splice(at..at, piece);
            }
        }
    }
    chars.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_are_read_or_refused(seed in prop::sample::select(&SEEDS[..]), damages in prop::collection::vec(damage(), 1..8)) {
        let text = damaged(seed, damages);
        let lines = text.split('\n').count() + text.matches('\r').count();
        for document in Documents::new(&text) {
            let line = document.map_or_else(|error| error.line, |document| document.line);
            prop_assert!((1..=lines + 1).contains(&line), "line {} of {}", line, lines);
        }
    }

    #[test]
    fn what_is_read_as_usual_the_reader_proper_reads_the_same(
        seed in prop::sample::select(&[USUAL, SEEDS[0], SEEDS[2]][..]),
        damages in prop::collection::vec(damage(), 0..3),
    ) {
        let text = damaged(seed, damages);
        // Documents are cut before they are read.
        let text = text.split("\n---").next().unwrap_or_default();
        if let Some(read) = usual::document(text) {
            let mut reader = Builder::new(text);
            prop_assert_eq!(Some(read), reader.document().expect("it is sound"));
            prop_assert_eq!(None, reader.document().expect("it is sound"));
        }
    }

    #[test]
    fn rubble_is_read_or_refused(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..60)) {
        // The point is that it returns.
        let _ = parse_all(&pieces.concat());
    }
}

fn takes_no_time(text: &str) {
    let start = Instant::now();
    let _ = parse_all(text);
    let took = start.elapsed();
    // A fraction of a second, with room for a busy machine; what this looks for takes minutes.
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[test]
fn bombs_do_not_go_off() {
    let mut laughs = String::from("a: &x0 lol\n");
    for level in 0..30 {
        laughs.push_str(&format!("b{level}: &x{} [{}]\n", level + 1, format!("*x{level},").repeat(9)));
    }
    takes_no_time(&laughs);
    assert_eq!(parse_all(&laughs).unwrap_err().message, "the aliases of this document repeat more than 16 MiB");

    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(1 << 18));
    takes_no_time(&long);
}

#[test]
fn depth_is_limited() {
    for open in ["[", "{a: ", "- ", "? "] {
        takes_no_time(&open.repeat(100_000));
        assert_eq!(parse_all(&open.repeat(1000)).unwrap_err().message, "nested too deep", "{open}");
    }
}

#[test]
fn large_files_take_linear_time() {
    takes_no_time(&(0..200_000).map(|n| format!("k{n}: v\n")).collect::<String>());
    takes_no_time(&format!("a: \"{}\"\n", "\\x41 ".repeat(1 << 20)));
    takes_no_time(&"---\n".repeat(1 << 18));
    takes_no_time(&"...\n".repeat(1 << 18));
    takes_no_time(&"# x\n".repeat(1 << 18));
    takes_no_time(&format!("a: [{}", "'".repeat(1 << 18)));
}
