//! DNS over UDP.
use std::path::Path;

use intercept::Mode;
use libtest_mimic::Trial;

use crate::{run::Run, test};

pub fn tests() -> Vec<Trial> {
    vec![
        test("dns::answers_come_from_the_resolver_that_was_asked", answers_come_from_the_resolver_that_was_asked),
        test("dns::the_c_library_resolves", the_c_library_resolves),
    ]
}

fn answers_come_from_the_resolver_that_was_asked() {
    for mode in [Mode::Record, Mode::Replay] {
        let mut run = Run::app(mode, "resolvers");
        let output = run.output();
        let mut lines = Vec::new();
        for resolver in ["10.1.1.1:53", "127.0.0.53:53", "192.0.2.99:53", "8.8.8.8:53"] {
            lines.push(format!("v4 {resolver} {resolver}"));
        }
        lines.sort();
        lines.push("v6 [2001:db8::53]:53 [2001:db8::53]:53".into());
        lines.push("v6 [::1]:53 [::1]:53".into());
        for resolver in ["10.7.7.7:53", "[2001:db8::7]:53"] {
            lines.push(format!("connected {resolver} {resolver}"));
            lines.push(format!("peer {resolver}"));
        }
        assert_eq!(output.lines().collect::<Vec<_>>(), lines);
        assert_eq!(run.kernel.uncaught(), []);
    }
}

fn the_c_library_resolves() {
    assert!(Path::new("/etc/resolv.conf").exists(), "the C library finds its resolver there");
    let output = Run::shell(Mode::Replay, "getent hosts example.test").output();
    assert!(output.starts_with("203.0.113.7 "), "{output}");
    let output = Run::shell(Mode::Replay, "getent hosts nowhere.test || echo exit $?").output();
    assert_eq!(output, "exit 2\n");
}

/// example.test is 203.0.113.7; nothing else exists. None: not a question.
pub fn answer(query: &[u8]) -> Option<Vec<u8>> {
    const HEADER: usize = 12;
    const EXAMPLE: &[u8] = b"\x07example\x04test\0";
    let name_end = HEADER + query.get(HEADER..)?.iter().position(|byte| *byte == 0)? + 1;
    let kind = query.get(name_end..name_end + 2)?;
    let name = query[HEADER..name_end].to_ascii_lowercase();
    let answers = u8::from(name == EXAMPLE && kind == [0, 1]);
    let rcode = if name == EXAMPLE { 0 } else { 3 };
    let mut out = query.get(..2)?.to_vec();
    out.extend([0x85, 0x80 | rcode, 0, 1, 0, answers, 0, 0, 0, 0]);
    out.extend(query.get(HEADER..name_end + 4)?);
    if answers == 1 {
        out.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113, 7]);
    }
    Some(out)
}
