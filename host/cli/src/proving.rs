//! `keploy test --prove`: what could be otherwise, and no test would notice.
use replay::{Break, Replay, TestVerdict};
use store::{BlindSpot, Proof, TestSet};

use crate::{
    exit::{Code, Failure},
    replaying::{Replayed, Replaying, Why},
    style, words,
};

/// So many blind spots are named; the JSON has them all.
const NAMED: usize = 20;

/// Breaks what a set that passed expects, then its mocks' answers: one of each test in each of at most `replays` replays. An
/// answer counts as noticed when its own test fails.
pub(crate) async fn prove(
    replaying: &mut Replaying,
    set: &TestSet,
    passed: &Replayed,
    replays: usize,
) -> Result<Proof, Failure> {
    let Replayed { replay, sent, verdicts, .. } = passed;
    let (broken, blind) = replay.break_expectations(sent, verdicts);
    let mut proof = Proof { broken, blind, ..Proof::default() };
    let mut breaks: Vec<std::vec::IntoIter<Break>> = breaks(replay, verdicts);
    let needed = breaks.iter().map(ExactSizeIterator::len).max().unwrap_or_default();
    for n in 0..needed.min(replays) {
        let round: Vec<Break> = breaks.iter_mut().filter_map(Iterator::next).collect();
        replaying.title = format!("breaking answers, replay {} of {}: ", n + 1, needed.min(replays));
        let replayed = replaying.replay(with_broken(set, &round), Why::Judge).await?;
        if replayed.code == Code::Interrupted {
            proof.unproved += round.len();
            break;
        }
        proof.replays += 1;
        note(&mut proof, &set.name, round, &replayed.verdicts);
    }
    proof.unproved += breaks.iter().map(ExactSizeIterator::len).sum::<usize>();
    Ok(proof)
}

fn breaks(replay: &Replay, verdicts: &[TestVerdict]) -> Vec<std::vec::IntoIter<Break>> {
    replay.breaks(verdicts).into_iter().map(Vec::into_iter).collect()
}

fn with_broken(set: &TestSet, round: &[Break]) -> TestSet {
    let mut set = set.clone();
    for mock in &mut set.mocks {
        if let Some(broken) = round.iter().find(|broken| broken.mock == mock.name) {
            broken.apply(mock);
        }
    }
    set
}

fn note(proof: &mut Proof, set: &str, round: Vec<Break>, verdicts: &[TestVerdict]) {
    for broken in round {
        match verdicts.iter().find(|verdict| verdict.test == broken.test) {
            // The application did not come to it: another answer ended it.
            None => proof.unproved += 1,
            Some(verdict) if !verdict.ran => proof.unproved += 1,
            // It is no answer of that protocol any more: nobody could have missed that.
            Some(verdict) if !verdict.troubles.is_empty() => {}
            Some(verdict) => {
                proof.broken += 1;
                if verdict.passed() {
                    let Break { test, mock, field, .. } = broken;
                    proof.blind.push(BlindSpot { set: set.to_owned(), test, mock: Some(mock), field });
                }
            }
        }
    }
}

pub(crate) fn print(proof: &Proof) {
    let Proof { broken, blind, unproved, replays } = proof;
    let spots = format!("blind spots: {} of {broken}", blind.len());
    eprintln!(
        "{} values that were broken, in {}",
        if blind.is_empty() { style::green(spots) } else { style::red(spots) },
        words::count(*replays, "replay")
    );
    for BlindSpot { set, test, mock, field } in blind.iter().take(NAMED) {
        let what = mock.as_ref().map_or_else(|| "the answer".to_owned(), |mock| format!("what {mock} answers"));
        eprintln!("    {} {}: {field} of {what}", style::bold(test), style::dim(set));
    }
    if blind.len() > NAMED {
        eprintln!("    ... and {} more: see --json", blind.len() - NAMED);
    }
    if *unproved > 0 {
        eprintln!("not proved: {unproved} values of mocks' answers\nhint: --prove-replays allows more replays");
    }
}
