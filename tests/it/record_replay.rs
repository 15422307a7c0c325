//! The main job: an application recorded under concurrent clients passes when everything around it is gone, and a
//! changed one does not.

use harness::apps::{self, App};
use harness::keploy::{Outcome, Project};
use harness::{Sent, World, is_long, orders};

#[test]
fn flask_under_gunicorn() {
    record_then_replay(apps::flask());
}

#[test]
fn aiohttp() {
    record_then_replay(apps::aiohttp());
}

#[test]
fn go_net_http() {
    record_then_replay(apps::gohttp());
}

#[test]
fn node_http() {
    record_then_replay(apps::nodehttp());
}

/// One address has two names here, as virtual hosts do: which was looked up last says nothing about a connection.
#[test]
fn names_that_share_an_address() {
    let app = apps::gohttp().with("UPSTREAM_URL", "http://neighbour.test:8085");
    let (recorded, _, _) = record(app, orders::visit);
    replay(&recorded, "", Expect::Passes);
}

/// Which client drew which number was decided between requests that overlapped: the recording has to know.
#[test]
fn numbers_drawn_from_one_counter_by_overlapping_requests() {
    for app in [apps::flask(), apps::aiohttp(), apps::gohttp(), apps::nodehttp()] {
        let (project, outcome, sent) = record(app, orders::draw_tickets);
        assert_eq!(outcome.number("tests"), sent, "{}", outcome.said());
        replay(&project, "", Expect::Passes);
    }
}

/// Each of them is planted into the application, which is otherwise the recorded one. What the report has to name.
const REGRESSIONS: &[(&str, &[&str])] = &[
    ("status", &["201", "200"]),
    ("header", &["x-api-version"]),
    ("json", &["total"]),
    ("text", &["fine"]),
    ("skip-cache-write", &["rate:"]),
    ("extra-call", &["/rates/SEK"]),
];

fn record_then_replay(app: App) {
    let (project, outcome, sent) = record(app, orders::visit);
    for number in ["requests", "tests"] {
        assert_eq!(outcome.number(number), sent, "{number}: {}", outcome.said());
    }
    for number in ["lost", "unparsed"] {
        assert_eq!(outcome.number(number), 0, "{number}: {}", outcome.said());
    }
    assert_eq!(project.test_files() as u64, sent);

    let rounds = if is_long() { 20 } else { 2 };
    for _ in 0..rounds {
        replay(&project, "", Expect::Passes);
    }
    for (mutation, named) in REGRESSIONS {
        replay(&project, mutation, Expect::Fails(named));
    }
}

fn record(app: App, visit: fn() -> usize) -> (Recorded, Outcome, u64) {
    let world = World::online();
    let project = Project::new(&world, app);
    let recording = project.record_and_learn(&world);
    let sent = world.inside(visit) as u64;
    let outcome = recording.finish();
    outcome.expect_code(0);
    (Recorded { project, world }, outcome, sent)
}

/// A recording; it lies in the folder of the world it was made in.
struct Recorded {
    project: Project,
    world: World,
}

impl Recorded {
    fn test_files(&self) -> usize {
        self.project.test_files()
    }
}

enum Expect {
    Passes,
    Fails(&'static [&'static str]),
}

fn replay(recorded: &Recorded, mutation: &str, expect: Expect) {
    let offline = World::offline();
    let outcome = recorded.project.test(&offline, mutation);
    let what = format!("{}, regression {mutation:?}", recorded.project.app.name);
    match expect {
        Expect::Passes => assert_eq!(outcome.code, Some(0), "{what}: {}", outcome.said()),
        Expect::Fails(named) => {
            assert_eq!(outcome.code, Some(1), "{what}: {}", outcome.said());
            let said = format!("{}\n{}", outcome.stderr, outcome.json).to_lowercase();
            for words in named {
                assert!(said.contains(&words.to_lowercase()), "{what}: {words:?} is not named: {}", outcome.said());
            }
        }
    }
    assert_eq!(offline.sent(), Sent::default(), "{what}: something tried to leave");
    assert!(recorded.world.folder().exists());
}
