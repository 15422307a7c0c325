//! Full speed: nobody is stalled, and nothing goes unrecorded.

use std::thread;
use std::time::{Duration, Instant};

use harness::apps::{self, PORT};
use harness::http::{Client, Connections};
use harness::keploy::Project;
use harness::{World, is_long};

const CLIENTS: usize = 16;

/// A client that waits this long for a two-byte answer was stalled. The machine may be busy with other tests.
const STALL: Duration = Duration::from_secs(5);

#[test]
fn many_requests_at_full_speed() {
    let requests = if is_long() { 100_000 } else { 10_000 };
    let world = World::offline();
    let project = Project::new(&world, apps::gohttp());
    let recording = project.record(&world);
    let slowest = world.inside(move || at_full_speed(requests));
    let outcome = recording.finish();
    outcome.expect_code(0);
    for number in ["requests", "tests"] {
        assert_eq!(outcome.number(number), requests as u64, "{number}: {}", outcome.said());
    }
    assert_eq!(outcome.number("lost"), 0, "{}", outcome.said());
    assert_eq!(project.test_files(), requests);
    assert!(slowest < STALL, "a client waited {slowest:?}");
}

/// Sends `requests`; the longest that any of them took.
fn at_full_speed(requests: usize) -> Duration {
    thread::scope(|scope| {
        let client = |_| scope.spawn(move || one_client(requests / CLIENTS));
        let clients: Vec<_> = (0..CLIENTS).map(client).collect();
        clients.into_iter().map(|client| client.join().expect("every request is answered")).max().unwrap_or_default()
    })
}

fn one_client(requests: usize) -> Duration {
    let client = Client::new(PORT, Connections::Kept);
    let timed = |_| {
        let started = Instant::now();
        let answer = client.send("GET", "/health", b"", "").expect("the application answers");
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"ok\n"[..]));
        started.elapsed()
    };
    (0..requests).map(timed).max().unwrap_or_default()
}
