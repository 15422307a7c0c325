//! Applications of gRPC's libraries: recorded under eight clients at once, replayed with the service they call gone.

use harness::keploy::Project;
use harness::shop::{self, Shop};
use harness::{Sent, World, is_long};

macro_rules! libraries {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            record_and_replay($name);
        })*

        #[test]
        fn no_library_is_left_out() {
            assert_eq!(shop::LIBRARIES, [$($name),*]);
        }
    };
}

libraries! {
    grpcio: "grpcio",
    grpc_go: "grpc-go",
    grpc_js: "grpc-js",
    grpc_java: "grpc-java",
}

fn record_and_replay(library: &'static str) {
    let world = World::online();
    let upstream = Shop::start(&world);
    let project = Project::new(&world, shop::app(library));
    let recording = project.record_and_learn(&world);
    let sent = shop::visit(&world);
    let recorded = recording.finish();
    assert_eq!(recorded.code, Some(0), "{library}: {}", recorded.said());
    let counts = ["requests", "tests", "lost", "unparsed"].map(|name| recorded.number(name));
    assert_eq!(counts, [sent, sent, 0, 0], "{library}: {}", recorded.said());
    drop(upstream);
    for n in 0..if is_long() { 20 } else { 2 } {
        let offline = World::offline();
        let replayed = project.test(&offline, "");
        assert_eq!(replayed.code, Some(0), "{library}, replay {n}: {}", replayed.said());
        assert_eq!(offline.sent(), Sent::default(), "{library}: something tried to leave");
    }
    // Another price in the application's answer, and another name in its call.
    for (mutation, named) in [("answer", "body.decoded_data.3"), ("call", "body.decoded_data.1")] {
        let replayed = project.test(&World::offline(), mutation);
        assert_eq!(replayed.code, Some(1), "{library}, {mutation}: {}", replayed.said());
        let said = format!("{}\n{}", replayed.stderr, replayed.json);
        assert!(said.contains(named), "{library}, {mutation}: {named:?} is not named: {}", replayed.said());
    }
}
