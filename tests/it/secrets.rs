//! Nothing that is recorded for git holds a secret, and replay passes with the secrets at hand and without them.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use harness::apps::{self, PORT};
use harness::databases::{Database, Server, Tls};
use harness::http::{Answer, Client, Connections};
use harness::keploy::{Project, keploy};
use harness::{Process, World, items};
use serde_json::Value;

const PASSWORD: &str = "Tr0ub4dor&3 #";
const API_KEY: &str = "sk_live_4eC39HqLyjWDarjtT1zdp7dc";
const CARD: &str = "4242424242424242";

#[test]
fn are_in_no_file_for_git_and_replay_passes() {
    let world = World::online();
    let app = apps::secrets().with("API_KEY", API_KEY).with("JWT_SECRET", "of the machine that it was recorded on");
    let project = Project::new(&world, app);
    let recording = project.record_and_learn(&world);
    let mut known = world.inside(visit);
    known.extend([PASSWORD, "Tr0ub4dor%263+%23", "Tr0ub4dor%263%20%23", API_KEY, CARD].map(str::to_owned));
    let recorded = recording.finish();
    recorded.expect_code(0);
    assert_eq!(recorded.number("tests"), 6, "{}", recorded.said());
    for trouble in ["flaky", "changed"] {
        assert_eq!(recorded.json[trouble], serde_json::json!({}), "{}", recorded.said());
    }

    let secret = project.test_set().join("secret.yaml");
    assert_eq!(holding(&project.folder, &known), std::slice::from_ref(&secret), "only that file has them");
    assert_eq!(std::fs::metadata(&secret).expect("there").permissions().mode() & 0o777, 0o600);
    let ignored = std::fs::read_to_string(project.test_set().join(".gitignore")).expect("there");
    assert!(ignored.contains("/secret.yaml"), "{ignored}");

    project.test(&World::offline(), "").expect_code(0);
    assert_eq!(holding(&project.folder, &known), std::slice::from_ref(&secret), "and a report does not, either");

    // A fresh clone, in CI: no secrets, and other ones in the environment.
    std::fs::remove_file(&secret).expect("there");
    let ci = apps::secrets().with("API_KEY", "ci").with("JWT_SECRET", "of the machine that runs the tests, in CI");
    let ci = project.with_app(ci);
    ci.test(&World::offline(), "").expect_code(0);
    let changed = project
        .with_app(apps::secrets().with("API_KEY", "").with("JWT_SECRET", "of the machine that runs the tests, in CI"));
    changed.test(&World::offline(), "").expect_code(1).expect_words(&["/rates/EUR"]);

    let check = |folder: &Path| {
        let mut command = keploy();
        command.args(["sanitize", "--check"]).current_dir(folder);
        Process::start(&world, &mut command).wait(harness::PATIENCE)
    };
    let clean = check(&project.folder);
    assert_eq!(clean.status.code(), Some(0), "{}", clean.stderr);
}

/// What an application compares with a value of its own is another value, without the real one.
#[test]
fn are_given_to_ci_by_a_variable() {
    let world = World::online();
    let app = apps::secrets().with("API_KEY", "k").with("JWT_SECRET", "s").with("PASSWORD", PASSWORD);
    let project = Project::new(&world, app.clone());
    let recording = project.record(&world);
    world.inside(|| {
        let body = serde_json::json!({ "password": PASSWORD }).to_string();
        let client = Client::new(PORT, Connections::Kept);
        let answer = client.send("POST", "/unlock", body.as_bytes(), "application/json").expect("an answer");
        assert_eq!(answer.body, b"{\"open\":true}\n");
    });
    recording.finish().expect_code(0);
    let elsewhere = project.folder.join("elsewhere.yaml");
    std::fs::rename(project.test_set().join("secret.yaml"), &elsewhere).expect("there");
    project.test(&World::offline(), "").expect_code(1).expect_words(&["body.open: expected true, got false"]);
    let given = project.with_app(app.with("KEPLOY_SECRETS", &elsewhere.to_string_lossy()));
    given.test(&World::offline(), "").expect_code(0);
}

/// Log-ins of overlapping clients whose tokens and sessions, made up in each run, come back in later requests.
#[test]
fn of_overlapping_sessions_may_be_lost() {
    let world = World::online();
    let database = Database::start(&world, Server::Postgres15, Tls::Offered);
    let project = Project::new(&world, apps::noisy("pynoise"));
    let recording = project.record_and_learn(&world);
    world.inside(items::visit);
    let recorded = recording.finish();
    recorded.expect_code(0);
    assert!(recorded.number("secrets") > 0, "{}", recorded.said());
    drop(database);
    project.test(&World::offline(), "").expect_code(0);
    std::fs::remove_file(project.test_set().join("secret.yaml")).expect("there");
    project.test(&World::offline(), "").expect_code(0);
    let broken = project.with_app(project.app.clone().with("REGRESSION", "cache-key"));
    broken.test(&World::offline(), "").expect_code(1).expect_words(&["items:"]);
}

/// A user's visit; returns what the application made up.
fn visit() -> Vec<String> {
    let client = Client::new(PORT, Connections::Kept);
    let ask = |method: &str, path: &str, header: &[(&str, &str)], body: &str, status: u16| -> Answer {
        let answer = client.send_with(method, path, header, body.as_bytes()).expect("an answer");
        assert_eq!(answer.status, status, "{method} {path}: {}", String::from_utf8_lossy(&answer.body));
        answer
    };
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let login = ask("POST", "/login", &form, "user=ann&password=Tr0ub4dor%263+%23", 200);
    let body: Value = serde_json::from_slice(&login.body).expect("JSON");
    let token = body["access_token"].as_str().expect("a token").to_owned();
    let cookie = login.header["set-cookie"].split(';').next().expect("a cookie").to_owned();
    ask("GET", "/me", &[("Cookie", &cookie)], "", 200);
    ask("GET", "/me", &[("Cookie", "sid=0123456789abcdef0123456789abcdef")], "", 401);
    ask("GET", "/verify", &[("Authorization", &format!("Bearer {token}"))], "", 200);
    ask("GET", "/rate", &[("X-Api-Key", "client-key-1")], "", 200);
    let pay = format!("{{\"card\": {{\"number\": \"{CARD}\", \"cvv\": \"123\"}}}}");
    ask("POST", "/pay", &[("Content-Type", "application/json")], &pay, 200);
    let signature = token.rsplit('.').next().expect("three parts").to_owned();
    vec![signature, cookie.trim_start_matches("sid=").to_owned(), "client-key-1".to_owned()]
}

/// The files below a folder that hold any of these.
fn holding(folder: &Path, secrets: &[String]) -> Vec<PathBuf> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).expect("readable");
            let name = path.to_string_lossy().into_owned();
            let holds = |secret: &&String| {
                bytes.windows(secret.len()).any(|window| window == secret.as_bytes()) || name.contains(secret.as_str())
            };
            if let Some(secret) = secrets.iter().find(holds) {
                found.insert(path.clone(), secret.clone());
            }
        }
    }
    if found.len() > 1 {
        eprintln!("secrets: {found:?}");
    }
    found.into_keys().collect()
}
