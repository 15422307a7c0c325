//! The applications under test: this program, called with `app` and one of these.
use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::unix::process::CommandExt as _,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::time::TimeValLike as _,
    time::{ClockId, clock_gettime},
};
use socket2::{Domain, Protocol, Socket, Type};

pub fn main(arguments: &[&str]) {
    let number = |text: &str| text.parse().expect("a number");
    match arguments {
        ["serve", addr, workers] => serve(addr.parse().expect("an address"), number(workers)),
        ["dial", targets @ ..] => dial(targets, |to| TcpStream::connect_timeout(&to, Duration::from_secs(20))),
        ["dial-blocking", targets @ ..] => dial(targets, TcpStream::connect),
        ["dial-many", count, workers] => dial_many(number(count), number(workers)),
        ["blink", port, rounds] => blink(number(port) as u16, number(rounds)),
        ["rebind", port, options] => rebind(number(port) as u16, options),
        ["resolvers"] => resolvers(),
        ["udp", targets @ ..] => udp(targets),
        ["traced", command @ ..] => traced(command),
        ["sandboxed", command @ ..] => sandboxed(command),
        other => panic!("no such application: {other:?}"),
    }
}

/// Answers lines: `who` says what it sees of itself and of its client; `call ADDR` asks `who` there; `pair` connects it to
/// itself for good, and says from where; `time` says what time it is in this process, and in one that it starts, in
/// nanoseconds; `exit` ends it.
/// Every worker has a socket of its own.
fn serve(addr: SocketAddr, workers: u32) {
    let workers = (0..workers).map(|worker| {
        let listener = listen(addr, &["addr", "port"]).expect("it may listen");
        thread::spawn(move || {
            loop {
                let (stream, peer) = listener.accept().expect("a client");
                thread::spawn(move || answer(&stream, peer, worker));
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        let _ = worker.join();
    }
}

fn answer(mut stream: &TcpStream, peer: SocketAddr, worker: u32) -> io::Result<()> {
    for line in BufReader::new(stream).lines() {
        let answer = match line?.split(' ').collect::<Vec<_>>()[..] {
            ["who"] => format!("{} {peer} {} {worker}", stream.local_addr()?, stream.peer_addr()?),
            ["call", addr] => match crate::run::ask(addr.parse().expect("an address"), "who") {
                Ok((_, answer)) => answer,
                Err(error) => error.to_string(),
            },
            ["pair"] => pair()?.to_string(),
            ["time"] => format!("{} {}", clock_gettime(ClockId::CLOCK_REALTIME)?.num_nanoseconds(), date()?),
            ["exit"] => std::process::exit(0),
            _ => "what?".into(),
        };
        stream.write_all(format!("{answer}\n").as_bytes())?;
    }
    Ok(())
}

/// As event loops wake themselves up where there is no socketpair().
fn pair() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?; // so that the test can dial from this port, too
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    socket.connect(&listener.local_addr()?.into())?;
    let source = TcpStream::from(socket.try_clone()?).local_addr();
    std::mem::forget((socket, listener.accept()?));
    source
}

fn date() -> io::Result<String> {
    let output = Command::new("date").arg("+%s%N").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn listen(addr: SocketAddr, options: &[&str]) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(options.contains(&"addr"))?;
    socket.set_reuse_port(options.contains(&"port"))?;
    socket.bind(&addr.into())?;
    socket.listen(64)?;
    Ok(socket.into())
}

/// Prints of each target what the relay said it was, and the peer; or the errno.
fn dial(targets: &[&str], connect: impl Fn(SocketAddr) -> io::Result<TcpStream>) {
    for target in targets {
        match connect(target.parse().expect("an address")).and_then(ask_relay) {
            Ok((origin, peer)) => println!("{target} {origin} {peer}"),
            Err(error) => match error.raw_os_error() {
                Some(errno) => println!("{target} {errno}"),
                None => println!("{target} {error}"),
            },
        }
    }
}

fn ask_relay(stream: TcpStream) -> io::Result<(String, SocketAddr)> {
    let peer = stream.peer_addr()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok((line.trim_end().to_owned(), peer))
}

/// Every connection goes to an address of its own, as fast as it can: source ports are used again and again.
fn dial_many(count: u32, workers: u32) {
    let (next, wrong) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let workers = (0..workers).map(|_| {
        let (next, wrong) = (next.clone(), wrong.clone());
        thread::spawn(move || {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= count {
                    return;
                }
                let [_, a, b, c] = n.to_be_bytes();
                let target: SocketAddr = match n % 4 {
                    0 => ([0x2001, 0xdb8, 0, 0, 0, 0, 0, n as u16], 1 + n as u16).into(),
                    _ => ([10, a, b, c], 1 + n as u16).into(),
                };
                match TcpStream::connect_timeout(&target, Duration::from_secs(20)).and_then(ask_relay) {
                    Ok((origin, peer)) if origin == target.to_string() && peer == target => {}
                    other => {
                        wrong.fetch_add(1, Ordering::Relaxed);
                        println!("{target}: {other:?}");
                    }
                }
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.join().expect("no worker panics");
    }
    println!("{} wrong of {count}", wrong.load(Ordering::Relaxed));
}

/// Listens for a few milliseconds, again and again, and prints the port of every client that it accepts.
fn blink(port: u16, rounds: u32) {
    let addr = SocketAddr::from(([127, 0, 0, 1], port));
    for _ in 0..rounds {
        let listener = listen(addr, &["addr"]).expect("it may listen");
        let end = Instant::now() + Duration::from_millis(5);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let timeout = left.max(Duration::from_micros(1)); // 0 would mean for ever
            socket2::SockRef::from(&listener).set_read_timeout(Some(timeout)).expect("a timeout");
            match listener.accept() {
                Ok((_, peer)) if !left.is_zero() => println!("{}", peer.port()),
                _ => break,
            }
        }
    }
}

/// Binds its port a second time while a client's connection is open, as an ordinary user.
fn rebind(port: u16, options: &str) {
    nix::unistd::setuid(nix::unistd::Uid::from_raw(65534)).expect("it was root");
    let options: Vec<_> = options.split(',').collect();
    let addr = SocketAddr::from(([127, 0, 0, 1], port));
    let mut listeners = vec![listen(addr, &options).expect("it may listen")];
    let _client = listeners[0].accept().expect("a client");
    if options.contains(&"restart") {
        listeners.clear();
    }
    match listen(addr, &options) {
        Ok(_) => println!("bound again"),
        Err(error) => println!("{error}"),
    }
}

/// Asks many resolvers in the two ways there are, and prints who answered as what.
fn resolvers() {
    let mut buffer = [0; 999];
    let mut print = |name: &str, socket: &UdpSocket, count: usize| {
        let mut lines: Vec<_> = (0..count)
            .map(|_| {
                let (n, from) = socket.recv_from(&mut buffer).expect("an answer");
                format!("{name} {from} {}", String::from_utf8_lossy(&buffer[..n]))
            })
            .collect();
        lines.sort();
        println!("{}", lines.join("\n"));
    };
    for (name, any, asked) in [
        ("v4", "0.0.0.0:0", &["10.1.1.1:53", "127.0.0.53:53", "192.0.2.99:53", "8.8.8.8:53"][..]),
        ("v6", "[::]:0", &["[2001:db8::53]:53", "[::1]:53"]),
    ] {
        let socket = UdpSocket::bind(any).expect("a port");
        for resolver in asked {
            socket.send_to(b"hello", resolver).expect("sent");
        }
        print(name, &socket, asked.len());
    }
    for (any, resolver) in [("0.0.0.0:0", "10.7.7.7:53"), ("[::]:0", "[2001:db8::7]:53")] {
        let socket = UdpSocket::bind(any).expect("a port");
        socket.connect(resolver).expect("connected");
        socket.send(b"hello").expect("sent");
        print("connected", &socket, 1);
        println!("peer {}", socket.peer_addr().expect("connected"));
    }
}

/// Talks UDP with itself, both ways; then sends to each target, and an echo request to the loopback; prints what came of it.
fn udp(targets: &[&str]) {
    let server = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let client = UdpSocket::bind("127.0.0.1:0").expect("a port");
    server.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    client.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let mut buffer = [0; 99];
    let talk = client
        .send_to(b"ping", server.local_addr().expect("bound"))
        .and_then(|_| server.recv_from(&mut buffer))
        .and_then(|(n, peer)| server.send_to(&buffer[..n], peer))
        .and_then(|_| client.recv(&mut [0; 99]));
    println!("itself {}", outcome(&talk));
    for target in targets {
        println!("{target} {}", outcome(&client.send_to(b"hello", target)));
        // A connected socket does not pass the hook of sendmsg.
        let connected = UdpSocket::bind("127.0.0.1:0").and_then(|socket| {
            socket.connect(target)?;
            socket.send(b"hello")
        });
        println!("connected {target} {}", outcome(&connected));
    }
    let echo_request = [8, 0, 0xf7, 0xff, 0, 0, 0, 0];
    let ping = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))
        .and_then(|raw| raw.send_to(&echo_request, &SocketAddr::from(([127, 0, 0, 1], 0)).into()));
    println!("raw {}", outcome(&ping));
}

/// A debugger, with a program.
fn traced(command: &[&str]) {
    let mut program = Command::new(command[0]);
    program.args(&command[1..]);
    // SAFETY: one system call.
    unsafe {
        program.pre_exec(|| match libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        });
    }
    let program = program.spawn().expect("it starts").id().cast_signed();
    let mut status = 0;
    // SAFETY: `status` is valid.
    while unsafe { libc::waitpid(program, &raw mut status, 0) } == program && libc::WIFSTOPPED(status) {
        // SAFETY: no pointers.
        unsafe { libc::ptrace(libc::PTRACE_CONT, program, 0, 0) };
    }
}

/// Becomes a program that is under a filter for system calls, which allows them all.
fn sandboxed(command: &[&str]) {
    let mut allow =
        libc::sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW };
    let program = libc::sock_fprog { len: 1, filter: &raw mut allow };
    // SAFETY: the program is valid for as long as the call takes.
    let done = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) };
    assert_eq!(done, 0, "{}", io::Error::last_os_error());
    panic!("{}", Command::new(command[0]).args(&command[1..]).exec());
}

fn outcome<T>(result: &io::Result<T>) -> String {
    result.as_ref().map_or_else(|error| format!("{:?}", error.kind()), |_| "ok".into())
}
