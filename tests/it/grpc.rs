//! Applications of gRPC's libraries: recorded under eight clients at once, replayed with the service they call gone.

use std::path::Path;

use harness::databases::{Tls, https};
use harness::keploy::Project;
use harness::shop::{self, Shop};
use harness::{Sent, World, file, is_long};

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
    record_and_replay_in(&world, upstream, [&project, &project], BY_NUMBER, || shop::visit(&world));
}

/// In front of the application with the application's own key, behind it with a certificate made for it.
#[test]
fn over_tls() {
    let world = World::online();
    let folder = world.folder().join("certificates");
    // Made by the script, as for any server.
    drop(https(&world, shop::SHOP_PORT, &folder, Tls::Offered));
    let [key, certificate, authority] = ["server.key", "server.pem", "ca.pem"].map(|name| folder.join(name));
    let upstream = Shop::start_with(&world, &[&key, &certificate]);
    let named = |path: &Path| path.display().to_string();
    let app = shop::app("grpcio")
        .with("UPSTREAM_CA", &named(&authority))
        .with("KEY", &named(&key))
        .with("CERTIFICATE", &named(&certificate));
    let project = Project::new(&world, app);
    let with_key = project.clone().option("--tls-cert", &certificate).option("--tls-key", &key);
    let settings = format!("caFiles: [{0}]\nrecord:\n  upstreamTls:\n    caCert: {0}\n", named(&authority));
    std::fs::write(project.folder.join("keploy.yml"), settings).expect("the folder is ours");
    let visit = || shop::visit_with(&world, Some(&authority));
    record_and_replay_in(&world, upstream, [&with_key, &project], BY_NUMBER, visit);
}

/// The recording brings along what says the names: nothing after it needs the files.
#[test]
fn by_the_names_of_fields() {
    let world = World::online();
    let upstream = Shop::start(&world);
    let project = Project::new(&world, shop::app("grpcio"));
    let protos = world.folder().join("protos");
    std::fs::create_dir(&protos).expect("the folder is ours");
    std::fs::copy(file("apps/grpc/shop.proto"), protos.join("shop.proto")).expect("there is room");
    let with_names = project.clone().option("--proto-path", &protos);
    record_and_replay_in(
        &world,
        upstream,
        [&with_names, &project],
        ["body.decoded_data.price", "body.decoded_data.name"],
        || {
            let sent = shop::visit(&world);
            std::fs::remove_dir_all(&protos).expect("they are ours");
            sent
        },
    );
    let set = project.folder.join("keploy/test-set-0");
    for file in ["mocks.yaml", "tests/shop-v1-shop-find-1.yaml"] {
        let text = std::fs::read_to_string(set.join(file)).expect("it was written");
        assert!(text.contains("decoded_data:\n") && text.contains(" name: pen-"), "{file}: {text}");
        assert!(!text.contains("\"1\":"), "{file} has fields by number: {text}");
    }
}

/// What of an answer, and of a call, the regressions change.
const BY_NUMBER: [&str; 2] = ["body.decoded_data.3", "body.decoded_data.1"];

/// `[recorder, project]`: only recording needs the application's key.
fn record_and_replay_in(
    world: &World,
    upstream: Shop,
    [recorder, project]: [&Project; 2],
    [price, name]: [&str; 2],
    visit: impl FnOnce() -> u64,
) {
    let library = project.app.name;
    let recording = recorder.record_and_learn(world);
    let sent = visit();
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
    for (mutation, named) in [("answer", price), ("call", name)] {
        let replayed = project.test(&World::offline(), mutation);
        assert_eq!(replayed.code, Some(1), "{library}, {mutation}: {}", replayed.said());
        let said = format!("{}\n{}", replayed.stderr, replayed.json);
        assert!(said.contains(named), "{library}, {mutation}: {named:?} is not named: {}", replayed.said());
    }
}
