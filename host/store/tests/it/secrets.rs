//! What nobody may read is in no file but its own, and comes back from there.
use std::os::unix::fs::PermissionsExt;

use document::{Map, Value};
use fs_err as fs;
use store::{
    Difference, DifferenceKind, Mapping, Mock, Naming, Project, Recording, Response, Sanitize, SetReport, TestCase,
    TestReport, TestSet,
};

use crate::Plugins;

const PASSWORD: &str = "correct \"horse\" 1";
const SESSION: &str = "0123456789abcdef0123456789abcdef";
const KEY: &str = "sk_live_4eC39HqLyjWDarjtT1zdp7dc";

fn login() -> TestCase {
    let body = "{\"user\": \"ann\", \"password\": \"correct \\\"horse\\\" 1\", \"pin\": 1234}";
    let header = Map::new().with("Host", "a").with("Authorization", format!("Bearer {KEY}"));
    let request =
        Map::new().with("method", "POST").with("url", "/login?next=/me").with("header", header).with("body", body);
    let cookie = Map::new().with("Set-Cookie", format!("sid={SESSION}; Path=/"));
    let response = Map::new().with("status_code", 200).with("header", cookie);
    TestCase {
        kind: "Http".into(),
        schema: 1,
        class: "POST /login".into(),
        request: request.into(),
        responses: vec![Response { body: response.into(), at: 2 }],
        started: 1,
        ended: 2,
        ..TestCase::default()
    }
}

/// Written before anything shows that what is in it is a secret.
fn session() -> Mock {
    let command = ["SET".to_owned(), format!("session:{SESSION}"), PASSWORD.to_owned()];
    Mock {
        kind: "Redis".into(),
        schema: 1,
        request: command.map(Value::from).to_vec().into(),
        responses: vec![Response { body: "OK".into(), at: 1 }],
        started: 1,
        ended: 1,
        ..Mock::default()
    }
}

fn record(project: &Project) -> Recording {
    let mut recording = Recording::create(project, Naming::Descriptive).expect("writable");
    recording.journal().mock(session());
    recording.journal().test(login());
    recording.journal().test(TestCase {
        class: "GET /reset/aB3-aB3-aB3".into(),
        ..TestCase {
            request: { Map::new().with("method", "GET").with("url", "/x?token=aB3-aB3-aB3").into() },
            ..login()
        }
    });
    recording.for_each(&mut |_| {}).expect("readable");
    recording
}

/// Everything in a test set but `secret.yaml`.
fn for_git(project: &Project, set: &str) -> String {
    let directory = project.set_dir(set);
    let mut all = String::new();
    for directory in [directory.join("tests"), directory] {
        let mut paths: Vec<_> =
            fs::read_dir(directory).expect("readable").map(|e| e.expect("readable").path()).collect();
        paths.sort();
        for path in paths.into_iter().filter(|path| path.is_file() && !path.ends_with("secret.yaml")) {
            all.push_str(&format!("--- {}\n", path.file_name().expect("it has one").to_string_lossy()));
            all.push_str(&fs::read_to_string(&path).expect("text"));
        }
    }
    all
}

fn assert_clean(text: &str) {
    for secret in [PASSWORD, "horse", SESSION, KEY, "1234", "aB3-aB3-aB3", "ab3-ab3-ab3"] {
        assert!(!text.contains(secret), "{secret} is in\n{text}");
    }
}

#[test]
fn a_recording_has_placeholders_and_loads_as_it_was() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let project = Project::open(directory.path(), None);
    let recording = record(&project);
    let mode = |path: &str| {
        fs::metadata(project.set_dir("test-set-0").join(path)).expect("there").permissions().mode() & 0o777
    };
    assert_eq!(mode(".journal"), 0o600);
    let mappings = vec![Mapping { test: "get-reset-ab3-ab3-ab3-1".into(), mocks: Vec::new() }];
    recording.finish(None, &mappings).expect("writable");
    assert_eq!(mode("secret.yaml"), 0o600);
    let written = for_git(&project, "test-set-0");
    assert_clean(&written);
    for expected in [
        "- session:keploy-secret-cookie-sid-1",
        "Bearer keploy-secret-stripe-key-1",
        "\"password\": \"keploy-secret-password-1-json\", \"pin\": \"keploy-secret-pin-1\"",
        "id: get-reset-keploy-secret-token-1-slug-1",
        "/secret.yaml",
        "is: token 32 sk_live_",
    ] {
        assert!(written.contains(expected), "{expected} is not in\n{written}");
    }

    let load = || TestSet::load(&project.set_dir("test-set-0"), &Plugins).expect("sound");
    let loaded = load();
    let found = loaded.tests.iter().find(|test| test.name == "post-login-1").expect("there");
    assert_eq!((&found.request, &found.responses), (&login().request, &login().responses));
    assert_eq!(loaded.mocks[0].request, session().request);

    // A fresh clone: of the same shape, the same everywhere, and on each run.
    fs::remove_file(project.set_dir("test-set-0").join("secret.yaml")).expect("there");
    let (clone, again) = (load(), load());
    assert_eq!((&clone.tests, &clone.mocks), (&again.tests, &again.mocks));
    let key = clone.mocks[0].request.as_array().expect("a command")[1].as_str().expect("a text").to_owned();
    let stand_in = key.strip_prefix("session:").expect("the rest is as it was");
    assert!(stand_in != SESSION && stand_in.len() == 32, "{stand_in}");
    let login = clone.tests.iter().find(|test| test.name == "post-login-1").expect("there");
    let cookie = login.responses[0].body.get("header").and_then(|header| header.get("Set-Cookie"));
    assert_eq!(cookie, Some(&format!("sid={stand_in}; Path=/").into()));
    // Written again, it is what it was.
    clone.tests.iter().for_each(|test| project.write_test("test-set-0", test).expect("writable"));
    assert_eq!(for_git(&project, "test-set-0"), written);
}

#[test]
fn the_same_traffic_gives_the_same_files_also_after_a_kill() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let project = Project::open(directory.path(), None);
    record(&project).finish(None, &[]).expect("writable");
    drop(record(&project)); // Killed.
    let journal = project.set_dir("test-set-1").join(".journal");
    assert!(String::from_utf8_lossy(&fs::read(journal).expect("there")).contains(SESSION), "until it is finished");
    let recovered = Recording::recover(&project, "test-set-1").expect("readable").expect("unfinished");
    recovered.finish(None, &[]).expect("writable");
    let secrets = ["test-set-0", "test-set-1"].map(|set| {
        let secret = fs::read_to_string(project.set_dir(set).join("secret.yaml")).expect("there");
        (for_git(&project, set), secret)
    });
    assert_eq!(secrets[0], secrets[1]);
}

#[test]
fn what_was_recorded_before_is_sanitized() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let off = store::SecretsConfig { enabled: false, ..store::SecretsConfig::default() };
    let plain = Project::open(directory.path(), None).with_secrets(off.rules().expect("sound"));
    record(&plain).finish(None, &[]).expect("writable");
    let before = for_git(&plain, "test-set-0");
    assert!(before.contains(SESSION) && before.contains(KEY), "{before}");

    let project = Project::open(directory.path(), None);
    let check = project.sanitize("test-set-0", Sanitize::Check).expect("readable");
    assert_eq!((check.found.len(), check.files.len()), (5, 3), "{check:?}");
    assert_eq!(for_git(&project, "test-set-0"), before, "checking changes nothing");
    let done = project.sanitize("test-set-0", Sanitize::Replace).expect("writable");
    assert_eq!(done.found, check.found);
    let after = for_git(&project, "test-set-0");
    assert_clean(&after);
    let again = project.sanitize("test-set-0", Sanitize::Replace).expect("writable");
    assert_eq!(again, store::Sanitized::default());
    assert_eq!(for_git(&project, "test-set-0"), after);
    let loaded = TestSet::load(&project.set_dir("test-set-0"), &Plugins).expect("sound");
    assert_eq!(loaded.mocks[0].request, session().request);
}

#[test]
fn a_report_has_no_secrets_of_the_recording_or_of_the_replay() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let project = Project::open(directory.path(), None);
    record(&project).finish(None, &[]).expect("writable");
    let live = "feedfeedfeedfeedfeedfeedfeedfeed";
    let header = Map::new().with("Set-Cookie", format!("sid={live}; Path=/"));
    let difference = Difference {
        path: "header.Set-Cookie[0]".into(),
        kind: DifferenceKind::Changed,
        expected: Some(format!("sid={SESSION}; Path=/")),
        actual: Some(format!("sid={live}; Path=/")),
        why: None,
    };
    let test = TestReport {
        request: login().request,
        response: Map::new().with("header", header).into(),
        differences: vec![difference],
        error: Some(format!("no recorded call matches GET session:{live}")),
        ..TestReport::default()
    };
    let mut report = SetReport { set: "test-set-0".into(), tests: vec![test], ..SetReport::default() };
    project.hide_secrets(&mut report).expect("readable");
    let said = format!("{report:?}");
    assert_clean(&said);
    assert!(!said.contains(live), "{said}");
    assert_eq!(report.tests[0].differences[0].actual.as_deref(), Some("sid=keploy-secret-cookie-sid-2; Path=/"));
}

#[test]
fn a_body_that_is_a_file_is_cleaned_too() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let project = Project::open(directory.path(), None);
    let recording = Recording::create(&project, Naming::Descriptive).expect("writable");
    let content = format!("{{\"sid\": \"{SESSION}\", \"api_key\": \"{KEY}\"}}");
    let mut writer = recording.assets().write().expect("writable");
    writer.write(content.as_bytes()).expect("writable");
    let blob = writer.finish().expect("writable");
    let mut test = login();
    test.responses[0].body = Map::new().with("status_code", 200).with("body", Value::Blob(blob)).into();
    recording.journal().test(test.clone());
    recording.journal().test(login());
    recording.finish(None, &[]).expect("writable");

    let set = project.set_dir("test-set-0");
    let names = |folder: &str| -> Vec<String> {
        let entries = fs::read_dir(set.join(folder)).expect("there");
        entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect()
    };
    let [cleaned] = &names("assets")[..] else { panic!("{:?}", names("assets")) };
    assert_eq!(
        fs::read_to_string(set.join("assets").join(cleaned)).expect("text"),
        "{\"sid\": \"keploy-secret-cookie-sid-1\", \"api_key\": \"keploy-secret-stripe-key-1\"}"
    );
    assert!(fs::read_to_string(set.join(".gitignore")).expect("there").contains("/secret/"));
    let load = || TestSet::load(&set, &Plugins).expect("sound");
    assert_eq!(load().tests[0].responses[0].body, test.responses[0].body, "with the recorded body at hand");
    let read = |blob| fs::read_to_string(store::Assets::new(&set, None).path(blob)).expect("text");
    assert_eq!(read(&blob), content);
    fs::remove_dir_all(set.join("secret")).expect("there");
    let Some(Value::Blob(without)) = load().tests[0].responses[0].body.get("body").cloned() else { panic!("no blob") };
    assert!(read(&without).contains("keploy-secret-cookie-sid-1"));
}

#[test]
fn a_template_of_a_secret_has_its_placeholder() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let project = Project::open(directory.path(), None);
    record(&project).finish(None, &[]).expect("writable");
    let load = || TestSet::load(&project.set_dir("test-set-0"), &Plugins).expect("sound");
    let template = store::Template { name: "session".into(), value: SESSION.into(), kind: "string".into() };
    project.add_templates("test-set-0", std::slice::from_ref(&template)).expect("writable");
    for test in &load().tests {
        project.templatize("test-set-0", test, &[], std::slice::from_ref(&template)).expect("writable");
    }
    let written = for_git(&project, "test-set-0");
    assert_clean(&written);
    assert!(written.contains("sid={{string .session }}; Path=/"), "{written}");
    let loaded = load();
    let found = loaded.tests.iter().find(|test| test.name == "post-login-1").expect("there");
    assert_eq!(found.responses, login().responses);
}

/// `tests/keploy/`: recordings that Keploy made.
#[test]
fn what_keploy_recorded_is_sanitized_and_otherwise_left_as_it_is() {
    const TOKEN: &str = "Zk3n8Qv1Lw5Tb7Yc9Rd2";
    let directory = tempfile::tempdir().expect("a temporary directory");
    let project = Project::open(directory.path(), None);
    let keploy = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keploy");
    for set in fs::read_dir(&keploy).expect("there").map(|entry| entry.expect("readable").file_name()) {
        copy(&keploy.join(&set), &project.set_dir(&set.to_string_lossy()));
        let set = set.to_string_lossy();
        let check = project.sanitize(&set, Sanitize::Check).expect("readable");
        assert_eq!(check, store::Sanitized::default(), "nothing in {set} is secret");
    }
    // Into the request, where its `curl:` line repeats it, and into what a dependency was asked.
    let test = project.set_dir("http").join("tests/post-shorten-1.yaml");
    let mocks = project.set_dir("http").join("mocks.yaml");
    plant(&test, "      Accept: '*/*'\n", &format!("      Authorization: Bearer {TOKEN}\n"));
    plant(&test, "    --header 'Accept: */*' \\\n", &format!("    --header 'Authorization: Bearer {TOKEN}' \\\n"));
    plant(&mocks, "            Accept-Encoding: gzip\n", &format!("            X-Api-Key: {TOKEN}\n"));
    let before = [&test, &mocks].map(|file| fs::read_to_string(file).expect("there"));

    let done = project.sanitize("http", Sanitize::Replace).expect("writable");
    assert_eq!((done.found.len(), done.files.len()), (1, 2), "{done:?}");
    let after = [&test, &mocks].map(|file| fs::read_to_string(file).expect("there"));
    for (before, after) in before.iter().zip(&after) {
        assert!(!after.contains(TOKEN), "{after}");
        let is_other = |line: &&str| !before.lines().any(|old| old == *line);
        let yaml = after.split("\ncurl:").next().unwrap_or_default();
        assert_eq!(yaml.lines().filter(is_other).count(), 1, "{yaml}");
    }
    let loaded = TestSet::load(&project.set_dir("http"), &Plugins).expect("sound");
    let shorten = loaded.tests.iter().find(|test| test.name == "post-shorten-1").expect("there");
    let header = shorten.request.get("header").and_then(|header| header.get("Authorization"));
    assert_eq!(header.and_then(Value::as_str), Some(&*format!("Bearer {TOKEN}")));
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).expect("writable");
    for entry in fs::read_dir(from).expect("there").map(|entry| entry.expect("readable")) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("writable");
        }
    }
}

/// A line behind another one.
fn plant(file: &std::path::Path, behind: &str, line: &str) {
    let text = fs::read_to_string(file).expect("there");
    assert!(text.contains(behind), "{text}");
    fs::write(file, text.replacen(behind, &format!("{behind}{line}"), 1)).expect("writable");
}
