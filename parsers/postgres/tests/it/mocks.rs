//! What a mock makes of an answer that was recorded in another way, and of none.
use keploy_sdk::{Connection, Map, Mode, Side, Value, testing::Effect};

use crate::wire::{Link, column, message, query, ready, row, tag};

fn written(effects: &[Effect]) -> Vec<u8> {
    let bytes = effects.iter().map(|effect| match effect {
        Effect::Write { to: Side::Client, data } => data.clone(),
        other => panic!("only writes are expected: {other:?}"),
    });
    bytes.collect::<Vec<_>>().concat()
}

fn opened(effects: &[Effect]) -> (u64, Value) {
    match effects.last() {
        Some(Effect::Open { exchange, request, .. }) => (*exchange, request.clone()),
        other => panic!("a question is expected: {other:?}"),
    }
}

/// `Parse`, `Bind` with that result format, `Describe`, `Execute`, `Sync`.
fn prepared(sql: &str, format: u8) -> Vec<u8> {
    let parse = message(b'P', &[b"\0", sql.as_bytes(), b"\0\0\0"].concat());
    let bind = message(b'B', &[0, 0, 0, 0, 0, 0, 0, 1, 0, format]);
    let (describe, execute) = (message(b'D', b"P\0"), message(b'E', b"\0\0\0\0\0"));
    [parse, bind, describe, execute, message(b'S', b"")].concat()
}

/// Recorded as text without preparing, asked for prepared and in binary.
#[test]
fn an_answer_comes_in_the_format_that_is_asked_for() {
    let mut recorded = Link::ready(Mode::Record);
    let (_, request) = {
        recorded.client(&query("SELECT id FROM a"));
        opened(&recorded.server(&column("id", 23)))
    };
    let effects = recorded.server(&[row(b"258"), tag("SELECT 1"), ready()].concat());
    let Some(Effect::Reply { response, .. }) = effects.first() else { panic!("{effects:?}") };

    let mut mock = Link::ready(Mode::Mock);
    let (exchange, asked) = opened(&mock.client(&prepared("SELECT id FROM a", 1)));
    assert_eq!(asked, request);
    mock.conversation.answer(&mut mock.host, exchange, vec![response.clone()]).expect("it can be answered");
    let mut described = column("id", 23);
    *described.last_mut().expect("it is not empty") = 1;
    let expected = [described, row(&[0, 0, 1, 2]), tag("SELECT 1"), ready()].concat();
    assert_eq!(written(&mock.host.take()).escape_ascii().to_string(), expected.escape_ascii().to_string());
}

#[test]
fn a_miss_is_the_servers_own_error_and_the_connection_goes_on() {
    let mut mock = Link::ready(Mode::Mock);
    for (ask, simple) in [(query("SELECT id FROM a"), true), (prepared("SELECT id FROM a", 0), false)] {
        let (exchange, _) = opened(&mock.client(&ask));
        mock.conversation.miss(&mut mock.host, exchange, "nothing recorded matches").expect("it can be answered");
        let written = written(&mock.host.take());
        let error = b"SERROR\0VERROR\0C58000\0Mkeploy: nothing recorded matches\0\0";
        let expected = [message(b'E', error), ready()].concat();
        assert_eq!(written.escape_ascii().to_string(), expected.escape_ascii().to_string(), "simple: {simple}");
    }
}

#[test]
fn a_miss_in_a_transaction_fails_it() {
    let mut mock = Link::ready(Mode::Mock);
    let (exchange, _) = opened(&mock.client(&query("BEGIN")));
    mock.conversation.answer(&mut mock.host, exchange, vec![Map::new().with("tag", "BEGIN").into()]).expect("it can");
    let (exchange, asked) = opened(&mock.client(&query("SELECT 2 FROM a")));
    assert_eq!(asked.get("in"), Some(&"transaction".into()));
    mock.conversation.miss(&mut mock.host, exchange, "no").expect("it can be answered");
    assert!(written(&mock.host.take()).ends_with(b"Z\0\0\0\x05E"));
    let (_, asked) = opened(&mock.client(&query("ROLLBACK")));
    assert_eq!(asked.get("in"), Some(&"failed transaction".into()));
}
