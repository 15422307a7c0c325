//! `writing COUNT DIRECTORY`: pairs of a test and a mock, handed to a recording as fast as it takes them.
use std::path::Path;

use bench_product::{say, sets, timed};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [pairs, directory] = &arguments[..] else { panic!("usage: writing COUNT DIRECTORY") };
    let (pairs, directory): (u64, _) = (pairs.parse().expect("a number"), Path::new(directory));
    let schemas = sets::Schemas::of(&bench_product::registry());
    let mut recording = sets::create(directory);
    let journal = recording.journal();
    let made: Vec<_> = (0..pairs).map(|number| (sets::test(number, &schemas), sets::mock(number, &schemas))).collect();
    let mut slowest: f64 = 0.0;
    let (sending, ()) = timed(|| {
        for (test, mock) in made {
            let (took, ()) = timed(|| {
                journal.test(test);
                journal.mock(mock);
            });
            slowest = slowest.max(took);
        }
    });
    let records = 2 * pairs;
    let (waiting, written) = timed(|| {
        let mut records = 0_u64;
        recording.for_each(&mut |_| records += 1).map(|()| records)
    });
    let written = written.expect("a journal that can be read");
    let file = recording.directory().join(".journal");
    let bytes = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
    let dropped = journal.dropped();
    let per_second = written as f64 / (sending + waiting);
    say(
        "writing journal",
        per_second,
        &[("sent", &records), ("written", &written), ("dropped", &dropped), ("bytes", &bytes)],
    );
    say("writing hand over", sending * 1e6 / records as f64, &[("slowest", &(slowest * 1e6))]);
    let (rendering, finished) = timed(|| recording.finish(None, &[]));
    if finished.is_ok() {
        say("writing files", written as f64 / (sending + waiting + rendering), &[]);
    }
}
