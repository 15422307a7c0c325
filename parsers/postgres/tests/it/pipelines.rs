//! Thousands of statements in one go: each costs as much as the first.
use std::time::{Duration, Instant};

use keploy_sdk::{Connection, Map, Mode, testing::Effect};

use crate::wire::{Link, message, query, ready, tag};

const FEW: usize = 500;
const MANY: usize = 10_000;

#[test]
fn recording_a_pipeline_takes_time_in_proportion() {
    in_proportion(|count, ask, answer| {
        let mut link = Link::ready(Mode::Record);
        let begin = Instant::now();
        link.client(&ask.repeat(count));
        let effects = link.server(&answer.repeat(count));
        let took = begin.elapsed();
        assert_eq!(effects.iter().filter(|effect| matches!(effect, Effect::Close { .. })).count(), count);
        took
    });
}

#[test]
fn mocking_a_pipeline_takes_time_in_proportion() {
    in_proportion(|count, ask, answer| {
        let mut link = Link::ready(Mode::Mock);
        let begin = Instant::now();
        let mut effects = link.client(&ask.repeat(count));
        let mut written = Vec::new();
        while !effects.is_empty() {
            for effect in std::mem::take(&mut effects) {
                match effect {
                    Effect::Write { data, .. } => written.extend(data),
                    Effect::Open { exchange, .. } => {
                        let response = Map::new().with("tag", "UPDATE 1").into();
                        let answered = link.conversation.answer(&mut link.host, exchange, vec![response]);
                        answered.expect("it can be answered");
                        effects = link.host.take();
                    }
                    other => panic!("not expected: {other:?}"),
                }
            }
        }
        let took = begin.elapsed();
        assert!(written == answer.repeat(count), "other answers, or in another order");
        took
    });
}

/// Twenty times as much takes twenty times as long, not four hundred. The shortest of a few runs, and far from both:
/// others work here, too.
fn in_proportion(run: impl Fn(usize, &[u8], &[u8]) -> Duration) {
    let sql = "UPDATE a SET b = 1";
    let simple = (query(sql), [tag("UPDATE 1"), ready()].concat());
    let parse = message(b'P', &[b"\0", sql.as_bytes(), b"\0\0\0"].concat());
    let asks = [parse, message(b'B', &[0; 8]), message(b'D', b"P\0"), message(b'E', &[0; 5]), message(b'S', b"")];
    let answers = [message(b'1', b""), message(b'2', b""), message(b'n', b""), tag("UPDATE 1"), ready()];
    for (ask, answer) in [simple, (asks.concat(), answers.concat())] {
        let shortest = |count| (0..3).map(|_| run(count, &ask, &answer)).min().unwrap_or_default();
        let (few, many) = (shortest(FEW), shortest(MANY));
        assert!(many < few * 100, "{FEW} took {few:?}, {MANY} took {many:?}");
    }
}
