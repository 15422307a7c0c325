//! Which call belongs to which request, when many requests overlap: a thread that works on one request at a time says so,
//! and is never wrong. The orders API puts its customer into every key, so that what was written can be checked.

use std::collections::BTreeMap;
use std::fs;

use harness::apps::{self, App};
use harness::databases::{Database, Server, Tls};
use harness::keploy::Project;
use harness::{World, items, orders};

#[test]
fn threads_of_pre_forked_workers() {
    let calls = record(apps::flask(), orders::visit);
    calls.expect_settled("flask", 95);
}

#[test]
fn threads_behind_one_reader() {
    let calls = record(apps::waitress(), orders::visit);
    calls.expect_settled("waitress", 95);
}

/// Loops and schedulers give themselves away: what their threads do is no evidence, so nothing is wrong either.
#[test]
fn event_loops_and_goroutines() {
    for app in [apps::aiohttp(), apps::gohttp(), apps::nodehttp()] {
        let name = app.name;
        let calls = record(app, orders::visit);
        calls.expect_right(name);
        assert_eq!(calls.by("thread").count(), 0, "{name}: {:?}", calls.counts());
    }
}

#[test]
fn numbers_from_one_counter() {
    let calls = record(apps::flask(), orders::draw_tickets);
    // All but those that the kernel told of too late, or in another order: 92 of 100 under load.
    calls.expect_settled("tickets", 80);
}

/// What the pool's threads ask on behalf of a request nobody knows; all else does a thread say.
#[test]
fn noisy_applications_of_threads() {
    for (name, percent) in [("pynoise", 70), ("javanoise", 70)] {
        let world = World::online();
        let _database = Database::start(&world, Server::Postgres15, Tls::Offered);
        let calls = record_in(&world, apps::noisy(name), items::visit);
        calls.expect_settled(name, percent);
    }
}

fn record(app: App, visit: fn() -> usize) -> Calls {
    record_in(&World::online(), app, visit)
}

fn record_in(world: &World, app: App, visit: fn() -> usize) -> Calls {
    let project = Project::new(world, app);
    let recording = project.record(world);
    world.inside(visit);
    recording.finish().expect_code(0);
    Calls::of(&project)
}

/// Calls that a recording gave to tests.
struct Calls(Vec<Call>);

struct Call {
    evidence: String,
    name: String,
    test: String,
    /// Whom the test and the call name: `c7`.
    customers: [Option<String>; 2],
}

impl Calls {
    fn of(project: &Project) -> Self {
        let set = project.test_set();
        let read = |path: &str| fs::read_to_string(set.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mocks = read("mocks.yaml");
        let mocks: BTreeMap<&str, Option<String>> = mocks
            .split("\n---\n")
            .filter_map(|mock| Some((field(mock, "name: ")?, customer(asked(mock, "\n  resp:")))))
            .collect();
        let mut calls = Vec::new();
        let (mut test, mut of_test, mut name) = (String::new(), None, String::new());
        for line in read("mappings.yaml").lines() {
            if let Some(id) = line.strip_prefix("- id: ") {
                id.clone_into(&mut test);
                of_test = customer(asked(&read(&format!("tests/{id}.yaml")), "\n  resp:"));
            } else if let Some(mock) = line.trim().strip_prefix("- name: ") {
                mock.clone_into(&mut name);
            } else if let Some(evidence) = line.trim().strip_prefix("evidence: ") {
                let customers = [of_test.clone(), mocks[name.as_str()].clone()];
                let (evidence, name, test) = (evidence.to_owned(), name.clone(), test.clone());
                calls.push(Call { evidence, name, test, customers });
            }
        }
        Self(calls)
    }

    fn by(&self, evidence: &str) -> impl Iterator<Item = &Call> {
        self.0.iter().filter(move |call| call.evidence == evidence)
    }

    fn counts(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        self.0.iter().for_each(|call| *counts.entry(call.evidence.as_str()).or_default() += 1);
        counts
    }

    /// What is written as seen is true.
    #[track_caller]
    fn expect_right(&self, what: &str) {
        for call in self.by("thread").chain(self.by("trace")) {
            if let [Some(test), Some(mock)] = &call.customers {
                assert_eq!(test, mock, "{what}: {} is said to be {}'s by {}", call.name, call.test, call.evidence);
            }
        }
    }

    /// So many of a hundred calls are a request's because a thread says so.
    #[track_caller]
    fn expect_settled(&self, what: &str, percent: usize) {
        self.expect_right(what);
        let (settled, all) = (self.by("thread").count(), self.0.len());
        eprintln!("{what}: {:?}", self.counts());
        assert!(settled * 100 >= all * percent, "{what}: {settled} of {all}: {:?}", self.counts());
    }
}

/// The request of a document.
fn asked<'a>(document: &'a str, end: &str) -> &'a str {
    let request = document.split_once("\n  req:").map_or("", |(_, request)| request);
    request.split_once(end).map_or(request, |(request, _)| request)
}

fn field<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    document.lines().find_map(|line| line.strip_prefix(name))
}

/// The only customer that is named: `c7`, also in `c7-1`, or `user-7`.
fn customer(text: &str) -> Option<String> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let named = words.clone().zip(words.skip(1)).filter_map(|(word, next)| match word.strip_prefix('c') {
        // Longer ones are parts of ids.
        Some(number) if is_number(number) && number.len() < 3 => Some(word.to_owned()),
        _ => (word == "user" && is_number(next)).then(|| format!("user-{next}")),
    });
    let mut names: Vec<String> = named.collect();
    names.sort_unstable();
    names.dedup();
    if names.len() == 1 { names.pop() } else { None }
}
