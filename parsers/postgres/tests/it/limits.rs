//! Answers that no guest could hold: they are counted as lost, and what follows is read.
use keploy_sdk::{Mode, testing::Effect};

use crate::wire::{Link, column, query, ready, row, tag};

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
