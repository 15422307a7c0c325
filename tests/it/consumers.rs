//! What all tests of consumers do, whatever their messages come over.

use harness::keploy::{Outcome, Project};
use harness::{PATIENCE, Process, Sent, World, files_below, is_long};
use serde_json::{Value, json};

/// How many tests are messages of this queue or topic.
pub fn delivered(project: &Project, queue: &str) -> usize {
    let files = files_below(&project.test_set().join("tests"));
    let is_of = |file: &&std::path::PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&format!("deliver-{queue}-"))
    };
    files.iter().filter(is_of).count()
}

/// Six orders; one has no quantity.
pub fn orders() -> Vec<Value> {
    let order = |n: u32| {
        let (item, currency) = [("ink", "EUR"), ("pen", "CHF"), ("pad", "GBP")][n as usize % 3];
        json!({ "order": format!("order-{n}"), "item": item, "currency": currency, "quantity": if n == 4 { 0 } else { n + 1 } })
    };
    (0..6).map(order).collect()
}

/// With everything gone, it does the same; and whatever it does otherwise is named.
/// `settlement`: what of one is otherwise.
pub fn replay_consumer(project: &Project, settlement: &str) {
    for _ in 0..if is_long() { 20 } else { 2 } {
        let offline = World::offline();
        project.test(&offline, "").expect_code(0);
        assert_eq!(offline.sent(), Sent::default(), "something tried to leave");
    }
    let mutations = [
        ("call", "INCRBY", "changed"),
        ("skip", "SET shipment:", "missing"),
        ("extra", "who-asks-this", "additional"),
        ("settle", settlement, "deliver-shipments-"),
    ];
    for (mutation, named, how) in mutations {
        // Some end when a call fails: nobody takes what comes then.
        let mut test = project.command("test");
        test.env("MUTATE", mutation).args(["--health-poll-timeout", "15"]);
        let replayed = Outcome::of(Process::start(&World::offline(), &mut test).wait(2 * PATIENCE));
        replayed.expect_code(1);
        let said = format!("{}\n{}", replayed.stderr, replayed.json);
        for word in [named, how] {
            assert!(said.contains(word), "{mutation}: {word:?} is not named: {}", replayed.said());
        }
    }
}
