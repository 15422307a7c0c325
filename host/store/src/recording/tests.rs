use super::*;
use crate::TestCase;

#[test]
fn more_than_fits_into_memory_is_dropped_and_counted() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let project = Project::open(directory.path(), None);
    let recording = Recording::create_within(&project, Naming::Descriptive, 10_000).expect("writable");
    let small = TestCase { kind: "Http".into(), ..TestCase::default() };
    let large = TestCase { request: "x".repeat(10_000).into(), ..small.clone() };
    recording.journal().test(large);
    recording.journal().test(small);
    assert_eq!(recording.journal().dropped(), 1);
    let finished = recording.finish(None, &[]).expect("writable");
    assert_eq!((finished.tests, finished.dropped), (1, 1));
}

/// Many threads, one journal: nothing is lost, names are given once.
#[test]
fn from_any_thread() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let project = Project::open(directory.path(), None);
    let mut recording = Recording::create(&project, Naming::Sequential).expect("writable");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let journal = recording.journal();
            scope.spawn(move || {
                (0..250).for_each(|_| journal.test(TestCase { kind: "Http".into(), ..TestCase::default() }))
            });
        }
    });
    let mut names = std::collections::HashSet::new();
    recording
        .for_each(&mut |record| {
            let Record::Test(test) = record else { unreachable!("only tests were sent") };
            names.insert(test.name.clone());
        })
        .expect("readable");
    assert_eq!(names.len(), 2000);
    let finished = recording.finish(None, &[]).expect("writable");
    assert_eq!((finished.tests, finished.dropped), (2000, 0));
    assert_eq!(std::fs::read_dir(finished.directory.join(TESTS)).expect("readable").count(), 2000);
}

#[test]
fn what_the_disk_does_not_take_is_dropped_and_counted() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join(JOURNAL);
    fs::write(&path, "").expect("writable");
    let unwritable = fs::File::open(&path).expect("readable");
    let (spool, inbox) = Spool::new(MEMORY);
    let (written_tx, written_rx) = std::sync::mpsc::channel();
    let handle = JournalHandle::to(Arc::clone(&spool));
    handle.test(TestCase::default());
    handle.mock(crate::Mock::default());
    spool.seal();
    let journal = journal_thread::run(unwritable, &spool, &inbox, &written_tx, Naming::Descriptive);
    assert_eq!((journal.counts, handle.dropped()), (Counts::default(), 2));
    assert_eq!(written_rx.try_iter().count(), 0);
}
