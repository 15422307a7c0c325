//! Parsers from a directory: one that works, and some that do not.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Barrier;
use std::thread;

use harness::apps::{self, PORT};
use harness::http::{Client, Connections};
use harness::keploy::{Project, keploy};
use harness::pipe::TARGET;
use harness::{Ended, PATIENCE, Process, Sent, World, file, test_parsers};

/// The host has never heard of this protocol.
#[test]
fn a_protocol_of_your_own() {
    let online = World::offline();
    let server = Process::start(&online, Command::new(apps::python()).arg(file("../sdk/examples/line/server.py")));
    server.wait_for_port(&online, 7070);
    let project = Project::new(&online, apps::line()).option("--plugins", test_parsers("line"));
    let recording = project.record(&online);
    online.inside(|| {
        let client = Client::new(PORT, Connections::Kept);
        let send =
            |method, path, body: &[u8]| client.send(method, path, body, "text/plain").map(|answer| answer.status);
        assert_eq!(send("PUT", "/keys/colour", b"dark green").expect("an answer"), 200);
        assert_eq!(send("GET", "/keys/colour", b"").expect("an answer"), 200);
        assert_eq!(send("GET", "/keys/shape", b"").expect("an answer"), 404);
    });
    let outcome = recording.finish();
    outcome.expect_code(0);
    assert_eq!((outcome.number("tests"), outcome.number("mocks"), outcome.number("unparsed")), (3, 3, 0));
    let mocks = std::fs::read_to_string(project.test_set().join("mocks.yaml")).expect("mocks were recorded");
    assert!(mocks.contains("kind: Line") && mocks.contains("dark green"), "{mocks}");

    let offline = World::offline();
    project.test(&offline, "").expect_code(0);
    assert_eq!(offline.sent(), Sent::default());
}

#[test]
fn a_parser_that_panics_harms_nobody() {
    a_bad_parser_harms_nobody("panics");
}

#[test]
fn a_parser_that_never_returns_harms_nobody() {
    a_bad_parser_harms_nobody("loops");
}

#[test]
fn a_parser_that_eats_memory_harms_nobody() {
    a_bad_parser_harms_nobody("eats");
}

/// A hundred connections go through the pipe, so two hundred are read by the bad parser. It goes wrong on all of them
/// at the same moment.
fn a_bad_parser_harms_nobody(name: &str) {
    let world = World::offline();
    let recording = Project::new(&world, apps::pipe()).option("--plugins", test_parsers(name)).record(&world);
    world.inside(a_hundred_busy_connections);
    let outcome = recording.finish();
    outcome.expect_code(0).expect_words(&["Bad"]);
    let numbers = ["tests", "mocks", "lost", "unparsed"].map(|name| outcome.number(name));
    let (before, busy) = ((BUSY * ROUNDS) as u64, BUSY as u64);
    let [tests, mocks, lost, unparsed] = numbers;
    // An answer is passed on before it is read. So the last exchange of a connection may be read when the parser has
    // gone wrong on others already, and is asked for nothing any more: then that is said.
    assert_eq!((tests + mocks + lost, unparsed), (2 * before, 2 * busy), "all is counted: {}", outcome.said());
    assert!(tests + busy >= before && mocks + busy >= before, "what was read before is recorded: {}", outcome.said());
    assert!(!outcome.stderr.contains("nothing was lost"), "{}", outcome.said());
}

const BUSY: usize = 100;

/// What each connection says before its parser goes wrong, and again after.
const ROUNDS: usize = 10;

fn a_hundred_busy_connections() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, TARGET)).expect("the port is free");
    let together = Barrier::new(BUSY);
    thread::scope(|scope| {
        scope.spawn(|| {
            for stream in listener.incoming().take(BUSY) {
                let stream = stream.expect("a connection");
                scope.spawn(move || echo(&stream));
            }
        });
        for number in 0..BUSY {
            let together = &together;
            scope.spawn(move || talk(number, together));
        }
    });
}

fn echo(stream: &TcpStream) {
    for line in BufReader::new(stream).lines() {
        let line = line.expect("the connection stays up");
        (&*stream).write_all(format!("{line}\n").as_bytes()).expect("the connection stays up");
    }
}

fn talk(number: usize, together: &Barrier) {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, PORT)).expect("the pipe listens");
    stream.set_nodelay(true).expect("a TCP socket");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout above zero");
    let mut answers = BufReader::new(&stream);
    let mut say = |line: String| {
        (&stream).write_all(line.as_bytes()).expect("the connection stays up");
        let mut answer = String::new();
        answers.read_line(&mut answer).expect("the connection stays up");
        assert_eq!(answer, line, "connection {number}");
    };
    (0..ROUNDS).for_each(|round| say(format!("BAD luck {number}.{round}\n")));
    together.wait();
    say("BAD NOW\n".to_owned());
    (0..ROUNDS).for_each(|round| say(format!("BAD luck {number}.{round}, but going on\n")));
}

#[test]
fn a_parser_is_checked_before_it_is_used() {
    let world = World::offline();
    let plugin = |verb: &[&str], path: &std::path::Path| -> Ended {
        Process::start(&world, keploy().arg("plugin").args(verb).arg(path)).wait(PATIENCE)
    };
    let good = plugin(&["check"], &test_parsers("line").join("line.wasm"));
    assert!(good.status.success() && good.stdout.contains("Line"), "{good:?}");

    let stranger = world.folder().join("stranger.wasm");
    std::fs::write(&stranger, "this is not WebAssembly").expect("the folder is ours");
    let bad = plugin(&["check"], &stranger);
    assert!(!bad.status.success() && bad.stderr.contains("stranger.wasm") && bad.stderr.contains("hint:"), "{bad:?}");

    let list = plugin(&["list", "--plugins"], &test_parsers("line"));
    for protocol in ["Http", "Redis", "Generic", "Line"] {
        assert!(list.stdout.contains(protocol), "{list:?}");
    }
}
