//! Upstreams that cannot be reached look to the application as they would without us.
use std::{
    io::{self, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    path::Path,
    process, thread,
};

use intercept::{Event, Mode, Protocol, Uncaught};
use libtest_mimic::Trial;
use socket2::SockRef;

use crate::{
    run::{Run, app, command, free_port, own_address},
    test,
};

pub fn tests() -> Vec<Trial> {
    let mut tests = vec![
        test("unreachable::what_nobody_listens_on_is_refused_and_told", || each_way(sees_refusals)),
        test("unreachable::in_replay_connect_fails_as_it_is_told_to", || each_way(sees_chosen_errors)),
        test("unreachable::a_listener_that_cannot_be_found_is_lost_once", a_listener_that_cannot_be_found_is_lost_once),
        test("unreachable::only_errors_of_connect_are_taken", only_errors_of_connect_are_taken),
    ];
    if process::Command::new("python3").arg("--version").output().is_ok() {
        tests.push(test("unreachable::python_sees_refusals", || each_python_way(sees_refusals)));
        tests.push(test("unreachable::python_sees_chosen_errors", || each_python_way(sees_chosen_errors)));
    } else {
        eprintln!("no `python3` here: the tests with it are left out");
    }
    tests
}

/// Makes a shell command that dials targets.
pub type Dialler<'a> = &'a dyn Fn(&str) -> String;

fn each_way(check: fn(Dialler<'_>)) {
    check(&|targets| app(&format!("dial {targets}"))); // does not block
    check(&|targets| app(&format!("dial-blocking {targets}")));
}

fn each_python_way(check: fn(Dialler<'_>)) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps/connect.py");
    for way in ["blocking", "asyncio"] {
        check(&|targets| format!("exec python3 '{}' {way} {targets}", script.display()));
    }
}

pub fn sees_refusals(shell: Dialler<'_>) {
    let local = [Ipv4Addr::LOCALHOST.into(), Ipv4Addr::new(127, 9, 9, 9).into(), Ipv6Addr::LOCALHOST.into()];
    let local: Vec<IpAddr> = local.into_iter().chain(own_address()).collect();
    let port = free_port();
    let closed: Vec<_> = local.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
    let listeners: Vec<_> = local.iter().map(|ip| TcpListener::bind((*ip, 0)).expect("a port")).collect();
    let open: Vec<_> = listeners.iter().map(|listener| listener.local_addr().expect("bound")).collect();

    let mut run = Run::shell(Mode::Record, &shell(&list(closed.iter().chain(&open))));
    let refused = closed.iter().map(|addr| format!("{addr} {}\n", libc::ECONNREFUSED));
    let redirected = open.iter().map(|addr| format!("{addr} {addr} {addr}\n"));
    assert_eq!(run.output(), refused.chain(redirected).collect::<String>());
    for addr in closed {
        let event = run.next_event();
        assert!(matches!(event, Event::Refused { addr: told, at_ns } if told == addr && at_ns > 0), "{event:?}");
    }
    assert_eq!(run.relay.origins().len(), open.len());
    assert_eq!(run.kernel.uncaught(), []);
}

pub fn sees_chosen_errors(shell: Dialler<'_>) {
    let failing = [
        ("10.1.2.3:80", libc::ETIMEDOUT),
        ("10.1.2.4:80", libc::ENETUNREACH),
        ("[2001:db8::7]:443", libc::EHOSTUNREACH),
        ("127.0.0.1:6379", libc::ECONNREFUSED),
        ("[::1]:6379", libc::ECONNREFUSED),
    ]
    .map(|(addr, errno)| (addr.parse::<SocketAddr>().expect("an address"), errno));
    let [allowed, other] = ["10.1.2.5:80", "10.1.2.3:81"].map(|addr| addr.parse().expect("an address"));

    let targets = failing.map(|(addr, _)| addr);
    let shell = shell(&list(targets.iter().chain([&allowed, &other])));
    let mut run = Run::prepared(Mode::Replay, 0, command(&shell), |kernel| {
        for (addr, errno) in failing {
            kernel.refuse(addr, errno).expect("there is room");
        }
        kernel.refuse(allowed, libc::ETIMEDOUT).expect("there is room");
        kernel.allow(allowed);
    });
    let failed = failing.iter().map(|(addr, errno)| format!("{addr} {errno}\n"));
    let redirected = [allowed, other].map(|addr| format!("{addr} {addr} {addr}\n"));
    assert_eq!(run.output(), failed.chain(redirected).collect::<String>());
    assert_eq!(run.relay.origins(), [Some(allowed), Some(other)]);
    assert_eq!(run.kernel.uncaught(), []);
}

/// As systemd's DNS stub is, and ports that the firewall forwards.
fn a_listener_that_cannot_be_found_is_lost_once() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    SockRef::from(&listener).bind_device(Some(b"lo")).expect("every machine has it");
    let addr = listener.local_addr().expect("bound");
    thread::spawn(move || -> io::Result<()> {
        let (mut client, _) = listener.accept()?;
        client.write_all(b"myself\n")
    });
    let mut run = Run::app(Mode::Record, &format!("dial {addr} {addr}"));
    assert_eq!(run.output(), format!("{addr} myself {addr}\n{addr} {addr} {addr}\n"));
    assert_eq!(run.kernel.uncaught(), [Uncaught { to: addr, protocol: Protocol(6), times: 1 }]);
}

fn only_errors_of_connect_are_taken() {
    let run = Run::shell(Mode::Replay, "true");
    let addr = SocketAddr::from(([127, 0, 0, 1], 1));
    for errno in [0, -1, libc::EINPROGRESS, libc::ECONNRESET] {
        let refused = run.kernel.refuse(addr, errno).map_err(|error| error.kind());
        assert_eq!(refused, Err(io::ErrorKind::InvalidInput), "{errno}");
    }
}

fn list<'a>(addrs: impl Iterator<Item = &'a SocketAddr>) -> String {
    addrs.map(SocketAddr::to_string).collect::<Vec<_>>().join(" ")
}
