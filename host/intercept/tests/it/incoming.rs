//! Connections to the application.
use std::{
    collections::HashSet,
    io::Read as _,
    net::{SocketAddr, TcpStream},
    process::{self, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use intercept::{Event, Mode};
use libtest_mimic::Trial;
use socket2::{Domain, Socket, Type};

use crate::{
    run::{PATIENCE, Run, ask, ask_over, free_port, own_address, this_program},
    test,
};

pub fn tests() -> Vec<Trial> {
    vec![
        test("incoming::every_connection_is_steered", every_connection_is_steered),
        test("incoming::workers_with_sockets_of_their_own_share_the_work", workers_share_the_work),
        test("incoming::the_first_connection_after_the_event_succeeds", the_first_connection_after_the_event_succeeds),
        test("incoming::the_end_of_a_listener_is_told", the_end_of_a_listener_is_told),
        test("incoming::no_connection_escapes_at_the_moment_of_listen", no_connection_escapes_at_the_moment_of_listen),
        test("incoming::the_application_may_call_itself", the_application_may_call_itself),
        test("incoming::who_comes_from_the_port_of_a_call_inside_is_steered", who_comes_from_the_port_of_a_call_inside),
        test("incoming::a_port_can_be_bound_again_as_without_us", a_port_can_be_bound_again_as_without_us),
        test("incoming::two_runs_do_not_meet", two_runs_do_not_meet),
    ]
}

/// Asks `who` and checks all that the application sees: itself, and the real client in both ways.
fn check_who(run: &Run, addr: SocketAddr) -> u32 {
    let (me, answer) = ask(addr, "who").expect("an answer");
    let canonical = |text: &str| {
        let addr: SocketAddr = text.parse().expect("an address");
        SocketAddr::new(addr.ip().to_canonical(), addr.port())
    };
    let [own, accepted, peername, worker] = answer.split(' ').collect::<Vec<_>>()[..] else { panic!("{answer}") };
    assert_eq!(canonical(own), addr, "the application's own address");
    assert_eq!((canonical(accepted), canonical(peername)), (me, me), "the client's address");
    assert!(run.relay.has_steered(me), "{me} was not steered");
    worker.parse().expect("a number")
}

fn every_connection_is_steered() {
    let mine = own_address().map(|ip| ip.to_string());
    let everywhere = ["127.0.0.1", "127.8.8.8"].map(String::from).into_iter().chain(mine).collect::<Vec<_>>();
    let dual = everywhere.iter().cloned().chain(["::1".to_owned()]).collect();
    for (listens_on, clients) in [
        ("0.0.0.0", everywhere),
        ("127.0.0.1", vec!["127.0.0.1".into()]),
        ("[::]", dual),
        ("[::1]", vec!["::1".into()]),
    ] {
        let port = free_port();
        let mut run = Run::app(Mode::Record, &format!("serve {listens_on}:{port} 1"));
        assert_eq!(run.listening().to_string(), format!("{listens_on}:{port}"));
        for client in &clients {
            check_who(&run, SocketAddr::new(client.parse().expect("an address"), port));
        }
        assert_eq!(run.relay.count_steered(), clients.len());
    }
}

fn workers_share_the_work() {
    let addr = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut run = Run::app(Mode::Record, &format!("serve {addr} 3"));
    for _ in 0..3 {
        run.listening();
    }
    let workers: HashSet<_> = (0..60).map(|_| check_who(&run, addr)).collect();
    assert_eq!(workers.len(), 3);
}

fn the_first_connection_after_the_event_succeeds() {
    for _ in 0..20 {
        let mut run = Run::app(Mode::Record, "serve 127.0.0.1:0 1");
        let addr = run.listening();
        check_who(&run, addr);
    }
}

fn the_end_of_a_listener_is_told() {
    let mut run = Run::app(Mode::Record, "serve 127.0.0.1:0 1");
    let addr = run.listening();
    let _ = ask(addr, "exit");
    assert_eq!(run.next_event(), Event::Closed { addr });
    assert!(run.wait().success());
}

fn no_connection_escapes_at_the_moment_of_listen() {
    let port = free_port();
    let stop = Arc::new(AtomicBool::new(false));
    let mut run = Run::app(Mode::Record, &format!("blink {port} 200"));
    let stopped = stop.clone();
    let client = thread::spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
                let _ = stream.set_read_timeout(Some(PATIENCE));
                let _ = stream.read(&mut [0]);
            }
        }
    });
    let accepted = run.output();
    stop.store(true, Ordering::Relaxed);
    client.join().expect("the client does not panic");
    let escaped: Vec<_> = accepted
        .lines()
        .filter(|port| !run.relay.has_steered(([127, 0, 0, 1], port.parse().expect("a port")).into()))
        .collect();
    assert!(accepted.lines().count() > 100, "there was something to steer: {accepted}");
    assert_eq!(escaped, [""; 0]);
}

fn the_application_may_call_itself() {
    let port = free_port();
    let mut run = Run::app(Mode::Record, &format!("serve 0.0.0.0:{port} 1"));
    run.listening();
    let outside = SocketAddr::from(([127, 0, 0, 1], port));
    let addresses = [Some([127, 0, 0, 1].into()), own_address()];
    for (n, ip) in addresses.into_iter().flatten().enumerate() {
        let (_, answer) = ask(outside, &format!("call {ip}:{port}")).expect("an answer");
        assert!(answer.starts_with(&format!("{ip}:{port} {ip}:")), "from inside: {answer}");
        assert_eq!(run.relay.count_steered(), n + 1, "only the call from outside");
    }
    assert_eq!(run.relay.origins(), []);
}

/// The kernel gives one port to several connections, if they go to different places: a client's may be that of a connection
/// of the application to itself.
fn who_comes_from_the_port_of_a_call_inside() {
    let port = free_port();
    let mut run = Run::app(Mode::Record, &format!("serve 127.0.0.1:{port} 1"));
    run.listening();
    let outside = SocketAddr::from(([127, 0, 0, 1], port));
    let (_, inside) = ask(outside, "pair").expect("an answer");
    let inside: SocketAddr = inside.parse().expect("an address");
    let client = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    client.set_reuse_address(true).expect("an option");
    client.bind(&inside.into()).expect("it may be shared");
    client.connect(&outside.into()).expect("somebody listens");
    let (_, answer) = ask_over(client.into(), "who").expect("an answer");
    assert!(answer.starts_with(&format!("{outside} {inside} {inside}")), "{answer}");
    assert!(run.relay.has_steered(inside), "{inside} was not steered");
}

/// While a client's connection is open, the application binds its port again: as a second worker, or started anew.
fn a_port_can_be_bound_again_as_without_us() {
    let nobody = 65534;
    for options in ["port", "port,restart", "addr,restart", "port,addr,restart"] {
        let connected = |port: u16| {
            let mut stream = loop {
                match TcpStream::connect(("127.0.0.1", port)) {
                    Ok(stream) => break stream,
                    Err(_) => thread::yield_now(),
                }
            };
            let _ = stream.read(&mut [0]);
        };
        let port = free_port();
        let plain = process::Command::new(this_program())
            .args(["app", "rebind", &port.to_string(), options])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        connected(port);
        let plain = plain.wait_with_output().expect("it ends").stdout;

        let port = free_port();
        let command = crate::run::command(&crate::run::app(&format!("rebind {port} {options}")));
        let mut run = Run::start(Mode::Record, nobody, command);
        run.listening();
        connected(port);
        assert_eq!(run.output(), String::from_utf8_lossy(&plain), "{options}");
    }
}

fn two_runs_do_not_meet() {
    let mut one = Run::app(Mode::Record, "serve 127.0.0.1:0 1");
    let mut other = Run::app(Mode::Replay, "serve 127.0.0.1:0 1");
    let (a, b) = (one.listening(), other.listening());
    check_who(&one, a);
    check_who(&other, b);
    assert_eq!((one.relay.count_steered(), other.relay.count_steered()), (1, 1));
    // To each other they are strangers: a call from one is outgoing there.
    let (_, answer) = ask(a, &format!("call {b}")).expect("an answer");
    assert_eq!(answer, b.to_string());
    assert_eq!(one.relay.origins(), [Some(b)]);
    drop(one);
    check_who(&other, b);
}
