//! The application and its peers see the same bytes, ends and errors with keploy between them as without.

use std::io::Read;

use harness::apps::{self, PORT};
use harness::keploy::Project;
use harness::pipe::{CONVERSATIONS, Seen};
use harness::{Process, World};

#[test]
fn conversations_over_bare_tcp_are_the_same() {
    let direct = {
        let world = World::offline();
        let _pipe = started(&world);
        held(&world)
    };
    let world = World::offline();
    let recording = Project::new(&world, apps::pipe()).record(&world);
    let recorded = held(&world);
    recording.finish().expect_code(0);
    for ((conversation, direct), recorded) in CONVERSATIONS.iter().zip(&direct).zip(&recorded) {
        // assert_eq would print megabytes.
        assert!(direct == recorded, "{}: direct {direct:?}, recorded {recorded:?}", conversation.name);
    }
}

/// The application reports the error of its own connect() to its client.
#[test]
fn refused_stays_refused() {
    let world = World::offline();
    let recording = Project::new(&world, apps::pipe()).record(&world);
    let said = world.inside(|| {
        let mut said = String::new();
        std::net::TcpStream::connect(("127.0.0.1", PORT)).and_then(|mut s| s.read_to_string(&mut said)).map(|_| said)
    });
    assert_eq!(said.expect("the pipe says why"), "ECONNREFUSED\n");
    recording.finish().expect_code(0);
}

fn held(world: &World) -> Vec<(Seen, Seen)> {
    CONVERSATIONS.iter().map(|conversation| world.inside(|| conversation.hold())).collect()
}

fn started(world: &World) -> Process {
    let pipe = Process::start(world, &mut apps::pipe().started_directly());
    pipe.wait_for_port(world, PORT);
    pipe
}
