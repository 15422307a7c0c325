//! Broken traffic, made from the transcripts: whatever comes, the parser does not panic, settles every exchange, and
//! says the same however the bytes are cut.
use std::fs;

use keploy_sdk::{Fault, Map, Mode, Side, Value, testing::Effect};

use crate::wire::Wire;

type Steps = Vec<(Side, Vec<u8>)>;

/// SplitMix64: the same numbers on every run.
struct Lot(u64);

impl Lot {
    fn draw(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % below.max(1) as u64) as usize
    }
}

#[test]
fn broken_traffic_is_read_the_same_however_it_is_cut() {
    let seeds = seeds();
    assert!(seeds.len() > 30, "the transcripts hold {} conversations", seeds.len());
    let mut lot = Lot(1);
    for round in 0..4000 {
        let steps = broken(&seeds, &mut lot);
        let (whole, fault) = record(&steps, |data| vec![data.len()]);
        let (cut, cut_fault) = record(&steps, |data| pieces(data, &mut lot));
        let case = || format!("round {round}: {}", show(&steps));
        assert_eq!(fault.as_ref().map(|f| &f.code), cut_fault.as_ref().map(|f| &f.code), "{}", case());
        // A fault drops what its call had asked for, so the cut run has seen at least as much.
        assert_eq!(whole[..], cut[..if fault.is_some() { whole.len() } else { cut.len() }], "{}", case());
        if fault.is_none() {
            settled(&whole, &steps);
        }
    }
}

#[test]
fn broken_requests_get_the_same_answers_however_they_are_cut() {
    let seeds = seeds();
    let mut lot = Lot(2);
    for round in 0..2000 {
        let mut steps = broken(&seeds, &mut lot);
        steps.retain(|(from, _)| *from == Side::Client);
        let (whole, fault) = mock(&steps, |data| vec![data.len()]);
        let (cut, _) = mock(&steps, |data| pieces(data, &mut lot));
        // `100 Continue` is left out when the body came along behind another request.
        if fault.is_none() && !show(&steps).contains("100-continue") {
            assert_eq!(
                whole.escape_ascii().to_string(),
                cut.escape_ascii().to_string(),
                "round {round}: {}",
                show(&steps)
            );
        }
    }
}

#[test]
fn broken_responses_end_every_exchange_that_is_driven() {
    let seeds = seeds();
    let mut lot = Lot(3);
    let request = || Map::new().with("method", "GET").with("url", "/").with("header", Map::new());
    for round in 0..2000 {
        let mut steps = broken(&seeds, &mut lot);
        steps.retain(|(from, _)| *from == Side::Server);
        let mut wire = Wire::new(Mode::Drive);
        for number in 1..=3 {
            wire.send(number, request().into()).expect("can be written");
        }
        let outcome = feed(&mut wire, &steps, |data| pieces(data, &mut lot)).and_then(|()| wire.end(Side::Server, 99));
        let effects = wire.take();
        if outcome.is_ok() {
            let ends = |n: u64| move |e: &&Effect| matches!(e, Effect::Close { exchange } | Effect::Abandon { exchange, .. } if *exchange == n);
            for number in 1..=3 {
                assert_eq!(
                    effects.iter().filter(ends(number)).count(),
                    1,
                    "exchange {number}, round {round}: {}",
                    show(&steps)
                );
            }
        }
    }
}

fn broken(seeds: &[Steps], lot: &mut Lot) -> Steps {
    let mut steps = seeds[lot.draw(seeds.len())].clone();
    for _ in 0..lot.draw(4) {
        mutate(&mut steps, seeds, lot);
    }
    steps
}

fn pieces(data: &[u8], lot: &mut Lot) -> Vec<usize> {
    let mut sizes = Vec::new();
    let mut left = data.len();
    while left > 0 {
        let size = 1 + lot.draw(left.min(20));
        sizes.push(size);
        left -= size;
    }
    sizes
}

fn record(steps: &Steps, cut: impl FnMut(&[u8]) -> Vec<usize>) -> (Vec<Effect>, Option<Fault>) {
    let mut wire = Wire::new(Mode::Record);
    let outcome = feed(&mut wire, steps, cut);
    let ends = [(Side::Server, 98), (Side::Client, 99)];
    let outcome = outcome.and_then(|()| ends.into_iter().try_for_each(|(side, at)| wire.end(side, at)));
    (wire.take(), outcome.err())
}

/// What is written when every request gets the same answer.
fn mock(steps: &Steps, mut cut: impl FnMut(&[u8]) -> Vec<usize>) -> (Vec<u8>, Option<Fault>) {
    let header = Map::new().with("Content-Length", "2");
    let answer = Value::from(Map::new().with("status_code", 404).with("header", header).with("body", "no"));
    let mut wire = Wire::new(Mode::Mock);
    let mut written = Vec::new();
    for (from, data) in steps {
        for piece in split(data, cut(data)) {
            if let Err(fault) = wire.feed(*from, 1, piece) {
                return (written, Some(fault));
            }
            loop {
                let effects = wire.take();
                let mut asked = false;
                for effect in effects {
                    match effect {
                        Effect::Write { data, .. } => written.extend(data),
                        Effect::Open { exchange, .. } => {
                            asked = true;
                            // It reads on behind a request that might have ended HTTP.
                            if let Err(fault) = wire.answer(exchange, vec![answer.clone()]) {
                                return (written, Some(fault));
                            }
                        }
                        _ => {}
                    }
                }
                if !asked {
                    break;
                }
            }
        }
    }
    (written, None)
}

fn feed(wire: &mut Wire, steps: &Steps, mut cut: impl FnMut(&[u8]) -> Vec<usize>) -> Result<(), Fault> {
    for (at, (from, data)) in steps.iter().enumerate() {
        for piece in split(data, cut(data)) {
            wire.feed(*from, at as u64, piece)?;
        }
    }
    Ok(())
}

fn split(mut data: &[u8], sizes: Vec<usize>) -> impl Iterator<Item = &[u8]> {
    sizes.into_iter().map(move |size| {
        let (piece, rest) = data.split_at(size);
        data = rest;
        piece
    })
}

fn settled(effects: &[Effect], steps: &Steps) {
    let count = |is: fn(&Effect) -> bool| effects.iter().filter(|effect| is(effect)).count();
    let opened = count(|effect| matches!(effect, Effect::Open { .. }));
    let over = count(|effect| matches!(effect, Effect::Close { .. } | Effect::Abandon { .. }));
    assert_eq!(opened, over, "{}", show(steps));
}

fn mutate(steps: &mut Steps, seeds: &[Steps], lot: &mut Lot) {
    let step = lot.draw(steps.len());
    let other = &seeds[lot.draw(seeds.len())];
    let Some((_, data)) = steps.get_mut(step) else { return };
    let at = lot.draw(data.len());
    match lot.draw(7) {
        0 => data.truncate(at),
        1 if !data.is_empty() => drop(data.remove(at)),
        2 => data.insert(at, [0, b'\r', b'\n', b'0', b':', b' ', 0xff][lot.draw(7)]),
        3 if !data.is_empty() => data[at] ^= 1 << lot.draw(8),
        4 => data.extend_from_slice(&data.clone()[at..]),
        5 => {
            let (side, foreign) = &other[lot.draw(other.len())];
            steps.insert(step, (*side, foreign.clone()));
        }
        _ => drop(steps.remove(step)),
    }
}

fn show(steps: &Steps) -> String {
    steps.iter().map(|(side, data)| format!("\n{side:?}: {}", data.escape_ascii())).collect()
}

/// The bytes of every case, read the simple way: escapes and line ends as in the transcripts' rules.
fn seeds() -> Vec<Steps> {
    let mut seeds = Vec::new();
    for file in fs::read_dir("tests/transcripts").expect("the transcripts") {
        let text = fs::read_to_string(file.expect("a file").path()).expect("text");
        for case in text.split("\n## ").skip(1) {
            let steps: Steps = case.split("\n```").filter_map(block).filter(|(_, data)| !data.is_empty()).collect();
            seeds.push(steps);
        }
    }
    seeds
}

fn block(text: &str) -> Option<(Side, Vec<u8>)> {
    let (info, body) = text.split_once('\n')?;
    let mut words = info.split(' ');
    let side = match words.next()? {
        "client" => Side::Client,
        "server" => Side::Server,
        _ => return None,
    };
    let line_end = if words.any(|word| word == "raw") { "" } else { "\r\n" };
    let mut data = Vec::new();
    for line in body.lines() {
        let (line, end) = line.strip_suffix('\\').map_or((line, line_end), |line| (line, ""));
        let mut rest = line;
        while let Some((plain, escape)) = rest.split_once('\\') {
            data.extend_from_slice(plain.as_bytes());
            let (byte, length) = match escape.as_bytes()[0] {
                b'r' => (b'\r', 1),
                b'n' => (b'\n', 1),
                b't' => (b'\t', 1),
                b'x' => (u8::from_str_radix(&escape[1..3], 16).expect("hex"), 3),
                other => (other, 1),
            };
            data.push(byte);
            rest = &escape[length..];
        }
        data.extend_from_slice(rest.as_bytes());
        data.extend_from_slice(end.as_bytes());
    }
    Some((side, data))
}
