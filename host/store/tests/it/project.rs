//! The layout, and the files in it that are neither tests nor reports.
use std::{io::Read, os::unix::fs::MetadataExt};

use fs_err as fs;
use store::{Naming, Owner, Project, Recording};

#[test]
fn test_sets_are_listed_in_natural_order_and_numbered_on() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let project = Project::open(directory.path(), None);
    assert_eq!(project.sets().expect("no directory is no error"), Vec::<String>::new());
    for name in ["test-set-10", "test-set-2", "reports", "testReports", "schema", "api-tests", ".git", "checkout"] {
        fs::create_dir_all(project.set_dir(name)).expect("a new directory");
    }
    assert_eq!(project.sets().expect("readable"), ["checkout", "test-set-2", "test-set-10"]);
    let recording = Recording::create(&project, Naming::Descriptive).expect("writable");
    assert_eq!(recording.set(), "test-set-11");
    assert_eq!(project.unfinished().expect("readable"), ["test-set-11"]);
    assert_eq!(
        fs::read_to_string(project.root().join(".gitignore")).expect("written"),
        "/reports/\nsecret.yaml\n.journal\n"
    );
    assert_eq!(project.next_run().expect("writable").name, "test-run-0");
    assert_eq!(project.next_run().expect("writable").name, "test-run-1");
}

#[test]
fn blobs_are_kept_once_under_their_hash() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let assets =
        Recording::create(&Project::open(directory.path(), None), Naming::Descriptive).expect("writable").assets();
    let write = |parts: &[&str]| {
        let mut blob = assets.write().expect("writable");
        parts.iter().for_each(|part| blob.write(part.as_bytes()).expect("writable"));
        blob
    };
    let blob = write(&["hel", "", "lo"]).finish().expect("writable");
    assert_eq!(write(&["hello"]).finish().expect("writable"), blob);
    drop(write(&["never finished"]));
    assert_eq!(blob.size, 5);
    let name = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let names: Vec<_> = fs::read_dir(assets.path(&blob).parent().expect("assets"))
        .expect("readable")
        .map(|entry| entry.expect("readable").file_name())
        .collect();
    assert_eq!(names, [name]);
    let mut content = String::new();
    assets.open(&blob).expect("there").read_to_string(&mut content).expect("readable");
    assert_eq!(content, "hello");
}

#[test]
fn everything_created_belongs_to_the_owner() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let us = fs::metadata(directory.path()).expect("there");
    // Only root can give files away; anybody else can give them to themselves.
    let owner = if us.uid() == 0 { Owner { uid: 1234, gid: 5678 } } else { Owner { uid: us.uid(), gid: us.gid() } };
    let project = Project::open(directory.path(), Some(owner));
    let recording = Recording::create(&project, Naming::Descriptive).expect("writable");
    recording.journal().test(store::TestCase { kind: "Http".into(), ..Default::default() });
    recording.journal().mock(store::Mock { kind: "Http".into(), ..Default::default() });
    let mut blob = recording.assets().write().expect("writable");
    blob.write(b"x").expect("writable");
    blob.finish().expect("writable");
    recording.finish(None, &[store::Mapping { test: "test-1".into(), ..Default::default() }]).expect("writable");
    project
        .next_run()
        .expect("writable")
        .write(&store::RunReport { sets: vec![Default::default()], ..Default::default() })
        .expect("writable");

    let (mut open, mut seen) = (vec![project.root().to_owned()], 0);
    while let Some(path) = open.pop() {
        let metadata = fs::metadata(&path).expect("there");
        assert_eq!((metadata.uid(), metadata.gid()), (owner.uid, owner.gid), "{}", path.display());
        seen += 1;
        if metadata.is_dir() {
            open.extend(fs::read_dir(&path).expect("readable").map(|entry| entry.expect("readable").path()));
        }
    }
    assert_eq!(
        seen, 12,
        "keploy, .gitignore, the set, tests, a test, mocks, mappings, assets, a blob, reports, a run, its report"
    );
}

#[test]
fn errors_name_the_file_and_say_what_to_do() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("keploy");
    fs::write(&file, "").expect("a new file");
    let error = Project::open(directory.path(), None).next_run().expect_err("there is a file in the way").to_string();
    assert!(error.contains(&file.display().to_string()), "{error}");
    let full = store::Error::from(std::io::Error::from(std::io::ErrorKind::StorageFull)).to_string();
    assert!(full.contains("\nhint: the disk is full"), "{full}");
}
