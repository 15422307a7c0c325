//! Recording, being killed, and going on.
use std::path::Path;

use fs_err as fs;
use store::{
    Error, MappedMock, Mapping, Mock, Naming, Project, Record, Recording, Response, SecretsConfig, TestCase, TestSet,
};

use crate::{Plugins, document};

const AT: u64 = 1_784_279_453_449_166_379;

fn test(number: u64) -> TestCase {
    TestCase {
        kind: "Http".into(),
        schema: 1,
        class: "GET /orders/*".into(),
        request: document("GET", &format!("/orders/{number}")),
        responses: vec![Response { body: document("", ""), at: AT + number + 5 }],
        started: AT + number,
        ended: AT + number + 5,
        app_port: 8080,
        ..TestCase::default()
    }
}

fn mock(number: u64) -> Mock {
    Mock {
        kind: "Redis".into(),
        schema: 1,
        class: "GET".into(),
        request: document::Value::from(format!("GET {number}")),
        responses: vec![Response { body: "OK".into(), at: AT + number }],
        started: AT,
        ended: AT + number,
        ..Mock::default()
    }
}

/// A recording of so many tests and mocks, journaled but not finished.
fn record(project: &Project, count: u64) -> Recording {
    let mut recording = Recording::create(project, Naming::Descriptive).expect("writable");
    let journal = recording.journal();
    for number in 0..count {
        journal.mock(mock(number));
        journal.test(test(number));
    }
    recording.for_each(&mut |_| {}).expect("readable");
    recording
}

fn snapshot(directory: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for directory in [directory.to_owned(), directory.join("tests")] {
        for entry in fs::read_dir(directory).expect("readable") {
            let entry = entry.expect("readable");
            if entry.path().is_file() {
                let name = entry.file_name().to_string_lossy().into_owned();
                files.push((name, fs::read_to_string(entry.path()).expect("text")));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn what_is_recorded_is_loaded() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let project = Project::open(directory.path(), None);
    let mut recording = record(&project, 12);
    let mut mappings = Vec::new();
    recording
        .for_each(&mut |record| match record {
            Record::Test(test) => mappings.push(Mapping { test: test.name.clone(), mocks: Vec::new() }),
            Record::Mock(mock) => {
                assert_eq!(mock.name, format!("mock-{}", mappings.len()));
            }
        })
        .expect("readable");
    mappings[0].mocks.push(MappedMock {
        name: "mock-0".into(),
        kind: "Redis".into(),
        started: AT,
        ended: AT,
        evidence: "window".into(),
    });
    let finished = recording.finish(None, &mappings).expect("writable");
    assert_eq!((finished.tests, finished.mocks, finished.dropped), (12, 12, 0));

    let set = TestSet::load(&finished.directory, &Plugins).expect("sound");
    assert_eq!(set.name, "test-set-0");
    assert_eq!(set.mappings, mappings);
    let strip = |mut test: TestCase| {
        test.source = Default::default();
        test
    };
    let tests: Vec<TestCase> = set.tests.into_iter().map(strip).collect();
    assert_eq!(
        tests,
        (0..12).map(|n| TestCase { name: format!("get-orders-{}", n + 1), ..test(n) }).collect::<Vec<_>>()
    );
    assert_eq!(set.mocks.len(), 12);
    assert_eq!(set.mocks[11].responses, mock(11).responses);
    assert!(!finished.directory.join(".journal").exists());
}

#[test]
fn the_same_records_give_the_same_files() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let project = Project::open(directory.path(), None);
    let files = [(); 2].map(|()| snapshot(&record(&project, 3).finish(None, &[]).expect("writable").directory));
    assert_eq!(files[0], files[1]);
}

/// Whatever the kill left (nothing rendered, half of it, a torn last frame, files with leftovers), recovery makes the
/// files that finishing would have made.
#[test]
fn a_killed_recording_is_completed() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let looking = Project::open(directory.path(), None);
    // Without secrets to be found, files are written on the way.
    let off = SecretsConfig { enabled: false, ..SecretsConfig::default() };
    let project = looking.clone().with_secrets(off.rules().expect("sound"));
    let wanted = snapshot(&record(&project, 40).finish(None, &[]).expect("writable").directory);
    assert_eq!(wanted.len(), 41);
    let recording = record(&project, 40);
    let set = recording.directory().to_owned();
    drop(recording);
    let rendered = fs::read(set.join(".journal")).expect("there");
    let mocks = fs::read(set.join("mocks.yaml")).expect("there");
    let fresh = [&rendered[..8], &24u64.to_le_bytes(), &0u64.to_le_bytes(), &rendered[24..]].concat();
    let torn = [&fresh[..], &[7, 0, 0, 0, 1, 2, 3, 4, 5]].concat();
    let rubbish = [&torn[..], &[0; 20]].concat();
    let begun = [&mocks[..], b"---\nversion: half"].concat();
    let cases = [
        ("all rendered", &rendered, Some(&mocks), 0),
        ("mocks.yaml lost", &rendered, None, 0),
        ("mocks.yaml shorter than it was", &rendered, Some(&mocks[..100].to_vec()), 0),
        ("nothing rendered", &fresh, None, 0),
        ("mocks written, and the progress not", &fresh, Some(&begun), 0),
        ("half a frame", &torn, None, 9),
        ("a frame of rubbish", &rubbish, None, 29),
    ];
    let projects = [&project, &looking];
    for (project, (what, journal, mocks, torn)) in
        projects.into_iter().flat_map(|project| cases.map(|case| (project, case)))
    {
        fs::create_dir_all(set.join("assets")).expect("a new directory");
        fs::write(set.join("assets/.tmp-1-1"), "begun").expect("writable");
        fs::write(set.join(".journal"), journal).expect("writable");
        let _ = fs::remove_file(set.join("mocks.yaml"));
        if let Some(mocks) = mocks {
            fs::write(set.join("mocks.yaml"), mocks).expect("writable");
        }
        if journal[8..16] == 24u64.to_le_bytes() {
            fs::write(set.join("tests/get-orders-3.yaml"), "half a fi").expect("writable");
            fs::remove_file(set.join("tests/get-orders-4.yaml")).expect("removable");
        }
        let first = Recording::recover(project, "test-set-1").expect("readable").expect("unfinished");
        assert_eq!(first.torn(), torn, "{what}");
        drop(first); // Killed again, before it was finished.
        let mut recovered = Recording::recover(project, "test-set-1").expect("readable").expect("unfinished");
        let mut count = 0;
        recovered.for_each(&mut |_| count += 1).expect("readable");
        let finished = recovered.finish(None, &[]).expect("writable");
        assert_eq!((finished.tests, finished.mocks, count), (40, 40, 80), "{what}");
        assert_eq!(snapshot(&set), wanted, "{what}");
        assert_eq!(fs::read_dir(set.join("assets")).expect("there").count(), 0, "{what}: leftovers are swept");
        assert!(Recording::recover(project, "test-set-1").expect("readable").is_none(), "{what}: it is finished");
    }
}

#[test]
fn killed_before_the_first_record() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let project = Project::open(directory.path(), None);
    for content in ["", "KEPL"] {
        let set = project.set_dir("test-set-0");
        fs::create_dir_all(&set).expect("a new directory");
        fs::write(set.join(".journal"), content).expect("writable");
        assert!(Recording::recover(&project, "test-set-0").expect("readable").is_none());
        assert!(!set.join(".journal").exists());
    }
    fs::write(project.set_dir("test-set-0").join(".journal"), "something else altogether").expect("writable");
    assert!(matches!(Recording::recover(&project, "test-set-0"), Err(Error::StrangeJournal(_))));
}

#[test]
fn one_keploy_at_a_time() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let project = Project::open(directory.path(), None);
    let recording = Recording::create(&project, Naming::Descriptive).expect("writable");
    assert!(matches!(Recording::recover(&project, recording.set()), Err(Error::Busy(_))));
    let other = Recording::create(&project, Naming::Descriptive).expect("writable");
    assert_eq!((recording.set(), other.set()), ("test-set-0", "test-set-1"));
}

#[test]
fn nothing_recorded_leaves_nothing() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let project = Project::open(directory.path(), None);
    let recording = Recording::create(&project, Naming::Sequential).expect("writable");
    let journal = recording.journal();
    recording.finish(None, &[]).expect("writable");
    assert_eq!(project.sets().expect("readable"), Vec::<String>::new());
    journal.test(test(1));
    assert_eq!(journal.dropped(), 1, "what comes too late is counted");
}

#[test]
fn a_file_in_the_way_keeps_the_journal() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let project = Project::open(directory.path(), None);
    let recording = Recording::create(&project, Naming::Descriptive).expect("writable");
    let blocked = recording.directory().join("tests/get-orders-1.yaml");
    fs::create_dir(&blocked).expect("a new directory");
    recording.journal().test(test(1));
    let set = recording.set().to_owned();
    let error = recording.finish(None, &[]).expect_err("a directory is where the file should be").to_string();
    assert!(error.contains("get-orders-1.yaml"), "{error}");
    fs::remove_dir(&blocked).expect("removable");
    let recovered = Recording::recover(&project, &set).expect("readable").expect("unfinished");
    assert_eq!(recovered.finish(None, &[]).expect("writable").tests, 1);
    assert!(blocked.is_file());
}
