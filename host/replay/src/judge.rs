//! The verdict: what the application answered, and the calls it made, against what was recorded.
use document::{Difference, Noise, Value};
use matcher::{Moment, Trial};
use plugins::Part;
use store::TestCase;

use crate::{
    lesson::Unexplained,
    pool::{Additional, Claimer, Pool},
    replay::{Outcome, Replay, SLACK, is_used_up},
};

/// Below this two requests have nothing to do with each other (0 to 1000).
const ALIKE: u32 = 300;

/// What a test came to.
#[derive(Debug)]
pub struct TestVerdict {
    pub test: String,
    /// It did not run, or got no answer: why.
    pub error: Option<String>,
    /// In what the application answered. Paths are those of the response document; with several responses they start
    /// with `responses[n].`.
    pub differences: Vec<Difference>,
    /// In the calls it made.
    pub calls: Vec<CallVerdict>,
    /// What was said of connections that could not be answered.
    pub troubles: Vec<String>,
    /// What it answered, with the recorded values where others are allowed.
    pub responses: Vec<Value>,
    /// The recorded calls that it made, in recorded order.
    pub made: Vec<String>,
    pub ran: bool,
}

impl TestVerdict {
    pub fn passed(&self) -> bool {
        self.ran
            && self.error.is_none()
            && self.differences.is_empty()
            && self.calls.is_empty()
            && self.troubles.is_empty()
    }
}

impl TestVerdict {
    /// Each thing that is not as recorded, without values that differ from run to run.
    pub(crate) fn unexplained(&self) -> Vec<Unexplained> {
        let why = |difference: &Difference| {
            let why = difference.why.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
            format!("{} {}{why}", difference.path, format!("{:?}", difference.kind).to_lowercase())
        };
        let words = |words: String| Unexplained { words, missing: None, like: None };
        let mut all: Vec<Unexplained> = self.error.iter().cloned().map(words).collect();
        all.extend(self.differences.iter().map(why).map(words));
        for call in self.calls.iter().filter(|call| !call.by_driver) {
            let kind = format!("{:?}", call.change).to_lowercase();
            let nearest = call.mock.as_ref().map_or_else(String::new, |mock| format!(" ({mock})"));
            let places: Vec<String> = call.differences.iter().map(why).collect();
            let places = if places.is_empty() { String::new() } else { format!(": {}", places.join(", ")) };
            let words = format!("call {kind}: {} {}{nearest}{places}", call.protocol, call.summary);
            let where_it_is = |change| call.mock.clone().filter(|_| call.change == change);
            let (missing, like) = (where_it_is(CallChange::Missing), where_it_is(CallChange::Additional));
            all.push(Unexplained { words, missing, like });
        }
        all.extend(self.troubles.iter().cloned().map(words));
        all
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallChange {
    /// Recorded, and not made.
    Missing,
    /// Made otherwise than recorded.
    Changed,
    /// Made, and not recorded.
    Additional,
}

/// A call that differs from the recording.
#[derive(Debug)]
pub struct CallVerdict {
    pub change: CallChange,
    pub protocol: String,
    pub destination: String,
    pub summary: String,
    /// The mock that is missing, or the nearest to what was made.
    pub mock: Option<String>,
    /// From the recorded request to the one that was made.
    pub differences: Vec<Difference>,
    /// What was asked, with the recorded values where others are allowed; null when nothing was.
    pub request: Value,
    /// Tests that were in flight together when it was recorded: it is one of theirs.
    pub shared_with: Vec<String>,
    /// What drivers and pools do on their own: alone it fails no test.
    pub by_driver: bool,
}

pub(crate) fn judge(replay: &Replay, outcomes: &[Outcome]) -> Vec<TestVerdict> {
    let pool = replay.shared.pool();
    let mut made = vec![Vec::new(); replay.tests().len()];
    for call in &pool.calls {
        if let Some(Claimer::Test(test)) = call.claimed_by {
            made[test].push(call.mock.name.clone());
        }
    }
    let tests = replay.tests().iter().enumerate().zip(made);
    tests.map(|((n, test), made)| judge_test(replay, &pool, (n, test), made, outcomes)).collect()
}

fn judge_test(
    replay: &Replay,
    pool: &Pool,
    (n, test): (usize, &TestCase),
    made: Vec<String>,
    outcomes: &[Outcome],
) -> TestVerdict {
    let mut verdict = TestVerdict {
        test: test.name.clone(),
        error: None,
        differences: Vec::new(),
        calls: Vec::new(),
        troubles: Vec::new(),
        responses: Vec::new(),
        made,
        ran: false,
    };
    let Some(outcome) = outcomes.get(n) else {
        verdict.error = Some("did not run".to_owned());
        return verdict;
    };
    verdict.ran = true;
    match &outcome.answered {
        Ok(_) => {
            verdict.differences.clone_from(&outcome.compared.differences);
            verdict.responses.clone_from(&outcome.compared.adopted);
        }
        Err(error) => verdict.error = Some(error.clone()),
    }
    let failed = verdict.error.is_some() || !verdict.differences.is_empty();
    verdict.calls = calls(replay, pool, n, outcomes.len(), failed);
    let troubles = pool.troubles.iter().filter(|(of, _)| *of == Some(n)).map(|(_, trouble)| trouble.clone());
    verdict.troubles = troubles.collect();
    verdict
}

/// Missing, changed and additional calls of a test. What was made and not recorded is paired with what was recorded and
/// not made, where the two are alike: that is one call that changed. What drivers ask on their own is told of where the
/// test has failed: it may be why.
fn calls(replay: &Replay, pool: &Pool, n: usize, ran: usize, failed: bool) -> Vec<CallVerdict> {
    let mut missing: Vec<usize> =
        pool.calls_of(n).iter().copied().filter(|call| is_missing(pool, *call, ran)).collect();
    let mut verdicts = Vec::new();
    let (by_drivers, made): (Vec<_>, Vec<_>) = pool.additional(Some(n)).iter().partition(|made| made.by_driver);
    let failed = failed || !made.is_empty() || !missing.is_empty();
    // A call of the same class that was asked about early is told of once, as it was in the end.
    let is_told = |early: &&&Additional| {
        made.iter().any(|made| (&made.destination, &made.class) == (&early.destination, &early.class))
    };
    for made in made.iter().chain(by_drivers.iter().filter(|early| failed && !is_told(early))) {
        let changed = pool.nearest(made, missing.iter().copied()).filter(|(_, similar)| *similar >= ALIKE);
        let nearest = changed.or_else(|| pool.nearest(made, 0..pool.calls.len()));
        let change = if let Some((call, _)) = changed {
            missing.retain(|other| *other != call);
            CallChange::Changed
        } else {
            CallChange::Additional
        };
        verdicts.push(of_made(replay, pool, made, change, nearest.map(|(call, _)| call)));
    }
    verdicts.extend(missing.into_iter().map(|call| of_missing(replay, pool, call, n)));
    verdicts
}

/// Nobody has claimed it, and every test that it could belong to has run. What the background asks, too, it may have asked
/// here, unless it is known who did.
fn is_missing(pool: &Pool, call: usize, ran: usize) -> bool {
    let recorded = &pool.calls[call];
    is_used_up(&recorded.mock)
        && recorded.claimed_by.is_none()
        && recorded.tests.iter().all(|test| *test < ran)
        && (recorded.is_witnessed || !pool.is_asked_by_the_background(call))
}

fn of_made(replay: &Replay, pool: &Pool, made: &Additional, change: CallChange, nearest: Option<usize>) -> CallVerdict {
    let nearest = nearest.map(|call| &pool.calls[call]);
    let (request, differences) = nearest.map_or_else(
        || (made.live.clone(), Vec::new()),
        |recorded| {
            let moment = Moment { recorded: recorded.mock.started, live: made.at, slack: SLACK };
            // Another table or key makes another class of it; what may differ in it is what might.
            let class = (made.protocol.as_str(), recorded.mock.class.as_str());
            let compare = |live: &Value| {
                let trial = &mut Trial::new(&pool.bindings);
                replay.shared.forms.compare_requests(class, (&recorded.request, live), moment, trial)
            };
            let differences = compare(&made.request).differences;
            let guessed = replay.shared.forms.guess(class, &differences, moment, &pool.bindings);
            let compared = compare(&guessed.to_recorded(&made.request));
            let form = replay.shared.forms.of(&replay.shared.registry, &made.protocol, Part::Request);
            let own = Noise::of_places(&recorded.mock.noise);
            let hidden = compared.hidden.merged(form.noise()).merged(&own);
            let live = guessed.to_recorded(&made.live);
            (document::adopt(&recorded.mock.request, &live, &hidden), compared.differences)
        },
    );
    // Of what is shown: the same on every run.
    let facts = replay.shared.registry.get(&made.protocol).map(|plugin| plugin.classify(&request));
    let summary = facts.and_then(Result::ok).map(|facts| facts.summary);
    CallVerdict {
        change,
        protocol: made.protocol.clone(),
        destination: made.destination.clone(),
        summary: summary.unwrap_or_else(|| made.summary.clone()),
        mock: nearest.map(|recorded| recorded.mock.name.clone()),
        differences,
        request,
        shared_with: Vec::new(),
        by_driver: made.by_driver,
    }
}

fn of_missing(replay: &Replay, pool: &Pool, call: usize, n: usize) -> CallVerdict {
    let recorded = &pool.calls[call];
    let mock = &recorded.mock;
    let facts = replay.shared.registry.get(&mock.kind).map(|plugin| plugin.classify(&mock.request));
    let summary = facts.and_then(Result::ok).map_or_else(|| mock.class.clone(), |facts| facts.summary);
    let others = recorded.tests.iter().filter(|test| **test != n);
    CallVerdict {
        change: CallChange::Missing,
        protocol: mock.kind.clone(),
        destination: mock.destination.clone(),
        summary,
        mock: Some(mock.name.clone()),
        differences: Vec::new(),
        request: Value::Null,
        shared_with: others.map(|test| replay.tests()[*test].name.clone()).collect(),
        by_driver: false,
    }
}
