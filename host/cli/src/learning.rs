//! Learning from replays of unchanged code: what differs from run to run, and which call is whose.
use std::{sync::Arc, time::Duration};

use plugins::Registry;
use replay::lesson::{self, Learned, Lesson};
use store::{Config, Project, TestSet};

use crate::{
    exit::{Code, Failure},
    replaying::{Replayed, Replaying, Why},
    sets, style, words,
};

/// The second replay's clock is so far ahead: more than a slow replay makes, less than anything lives.
const AHEAD: Duration = Duration::from_secs(7);

/// And gains so much from the first test to the last, as it would on a slow machine: what counts seconds shows itself.
const GAIN: Duration = Duration::from_secs(5);

/// The same, where the first replay has seen a number that is off by one or two: whether the clock counts there has to be
/// seen, or else it has changed.
const GAIN_FOR_CERTAIN: Duration = Duration::from_secs(20);

/// So many tests are named.
const NAMED: usize = 5;

/// Replays a test set twice and writes what that teaches: `matchers.yaml` and `mappings.yaml`.
///
/// # Errors
/// When it cannot be replayed, or was interrupted: nothing is written then.
pub(crate) async fn learn(
    replaying: &mut Replaying,
    project: &Project,
    mut set: TestSet,
) -> Result<(String, Learned), Failure> {
    let name = set.name.clone();
    set.matchers = None;
    // Recorded order is the order in which they run.
    set.tests.sort_by(|a, b| (a.started, &a.name).cmp(&(b.started, &b.name)));
    let [first, second] = replay_twice(replaying, &set, 0).await?;
    let mut learned = lesson::learn(&set, &first, &second);
    // Rarely: a test was given the answer to somebody else's call, and shows it. Two more replays say whether it was so.
    if let Some(mappings) = lesson::settle(&set, [&first, &second], &learned) {
        let settled = TestSet { mappings, ..set.clone() };
        let [first, second] = replay_twice(replaying, &settled, 2).await?;
        let again = lesson::learn(&settled, &first, &second);
        if again.troubles() < learned.troubles() {
            learned = again;
        }
    }
    project.write_matchers(&name, &learned.matchers)?;
    project.write_mappings(&name, set.began, &learned.mappings)?;
    Ok((name, learned))
}

/// `before`: how many replays there were already.
async fn replay_twice(replaying: &mut Replaying, set: &TestSet, before: usize) -> Result<[Lesson; 2], Failure> {
    let title = |n| format!("learning, replay {} of {}: ", before + n, before + 2);
    replaying.title = title(1);
    let first = replay(replaying, set, Duration::ZERO, Duration::ZERO).await?;
    replaying.title = title(2);
    let gain = if first.may_count_seconds() { GAIN_FOR_CERTAIN } else { GAIN };
    let second = replay(replaying, set, AHEAD, gain).await?;
    Ok([first, second])
}

async fn replay(replaying: &mut Replaying, set: &TestSet, ahead: Duration, gain: Duration) -> Result<Lesson, Failure> {
    let why = Why::Learn { ahead, gain };
    let Replayed { replay, verdicts, code, error, .. } = replaying.replay(set.clone(), why).await?;
    if !matches!(code, Code::Success | Code::Failed) {
        return Err(Failure::words(code, error.unwrap_or_else(|| "the replay did not come to its end".to_owned())));
    }
    Ok(replay.lesson(&verdicts))
}

/// For `record`, when it has ended: the recording is there whatever comes of this.
pub(crate) async fn after_recording(
    set: &str,
    project: &Project,
    registry: &Registry,
    config: &Arc<Config>,
    command: &str,
) -> Option<Learned> {
    let mut replaying = Replaying::new(config.clone(), registry.clone(), command.to_owned());
    let set = match sets::load(project, set, registry) {
        Ok(set) => set,
        Err(errors) => {
            errors.iter().for_each(style::say);
            return None;
        }
    };
    style::say("replaying it twice, to learn what differs from run to run; Ctrl-C leaves that out");
    match learn(&mut replaying, project, set).await {
        Ok((name, learned)) => {
            print(&name, &learned);
            Some(learned)
        }
        Err(failure) => {
            style::say(format!("nothing was learned: {}\nhint: `keploy learn` tries again", failure.error));
            None
        }
    }
}

pub(crate) fn print(set: &str, learned: &Learned) {
    let Learned { matchers, changed, .. } = learned;
    let places = |classes: &[store::ClassMatchers]| classes.iter().map(|class| class.rules.len()).sum::<usize>();
    let (tests, calls) = (places(&matchers.tests), places(&matchers.calls));
    style::say(format!(
        "{}: {} in answers and {calls} in calls differ from run to run: see matchers.yaml",
        style::bold(set),
        words::count(tests, "place")
    ));
    let flaky: Vec<(String, Vec<String>)> =
        matchers.flaky.iter().map(|flaky| (flaky.test.clone(), flaky.what.clone())).collect();
    name("came out otherwise in one replay than in the other: flaky", &flaky);
    let changed: Vec<(String, Vec<String>)> = changed.clone().into_iter().collect();
    name("came out otherwise than recorded, in both replays", &changed);
}

fn name(what: &str, tests: &[(String, Vec<String>)]) {
    if tests.is_empty() {
        return;
    }
    style::say(style::red(format!("{} {what}", words::count(tests.len(), "test"))));
    for (test, how) in tests.iter().take(NAMED) {
        let more = if how.len() > 1 { format!(", and {} more", how.len() - 1) } else { String::new() };
        style::say(format!("  {test}: {}{more}", how.first().map_or("", String::as_str)));
    }
    if tests.len() > NAMED {
        style::say(format!("  and {} more", tests.len() - NAMED));
    }
}
