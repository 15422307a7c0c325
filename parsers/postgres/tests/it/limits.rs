//! Answers that no guest could hold: they are counted as lost, and what follows is read.
use keploy_sdk::{Connection, Map, Mode, Side, Value, testing::Effect};

use crate::wire::{Link, column, message, query, ready, row, tag};

#[track_caller]
fn lost_and_then_read(effects: Vec<Effect>, link: &mut Link) {
    let lost = effects.iter().any(|effect| matches!(effect, Effect::Abandon { .. }));
    let replied = effects.iter().any(|effect| matches!(effect, Effect::Reply { .. }));
    assert!(lost && !replied, "{:?}", effects.len());
    link.client(&query("SELECT 2 FROM a"));
    let effects = link.server(&[tag("SELECT 0"), ready()].concat());
    assert!(matches!(effects.as_slice(), [Effect::Open { .. }, Effect::Reply { .. }, Effect::Close { .. }]));
}

#[test]
fn an_answer_of_too_many_rows() {
    let mut link = Link::ready(Mode::Record);
    link.client(&query("SELECT * FROM a"));
    let mut effects = link.server(&column("a", 25));
    let megabyte = row(&[b'x'; 1 << 20]);
    for _ in 0..20 {
        effects.extend(link.server(&megabyte));
    }
    effects.extend(link.server(&[tag("SELECT 20"), ready()].concat()));
    lost_and_then_read(effects, &mut link);
}

#[test]
fn a_row_that_is_too_long() {
    let mut link = Link::ready(Mode::Record);
    link.client(&query("SELECT * FROM a"));
    let mut effects = link.server(&column("a", 25));
    for chunk in row(&vec![b'x'; 9 << 20]).chunks(1 << 16) {
        effects.extend(link.server(chunk));
    }
    effects.extend(link.server(&[tag("SELECT 1"), ready()].concat()));
    lost_and_then_read(effects, &mut link);
}

/// What a client copies in bulk goes to the host, the same whether it is recorded or mocked.
#[test]
fn a_large_copy_is_kept_by_the_host() {
    let begins = message(b'G', &[0, 0, 1, 0, 0]);
    for mode in [Mode::Record, Mode::Mock] {
        let mut link = Link::ready(mode);
        link.client(&query("COPY a FROM STDIN"));
        match mode {
            Mode::Mock => {
                let copy = Map::new().with("direction", "in").with("columns", vec![Value::from("text")]);
                let response = Map::new().with("copy", copy).into();
                link.conversation.answer(&mut link.host, 2, vec![response]).expect("it can be answered");
                assert_eq!(link.host.take(), [Effect::Write { to: Side::Client, data: begins.clone() }]);
            }
            _ => drop(link.server(&begins)),
        }
        for _ in 0..30 {
            link.client(&message(b'd', &[b'x'; 100_000]));
        }
        let effects = link.client(&message(b'c', b""));
        let Some(Effect::Open { request, .. }) = effects.last() else { panic!("{mode:?}: {effects:?}") };
        let Some(Value::Blob(blob)) = request.get("data") else { panic!("{request:?}") };
        assert_eq!(link.host.blob_content[&blob.id].len(), 3_000_000, "{mode:?}");
    }
}
