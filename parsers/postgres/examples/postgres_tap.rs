//! What do real drivers say? A relay that records, and a server made of what was recorded.
//!
//! ```text
//! cargo run -p parser-postgres --example postgres_tap -- record 127.0.0.1:7000 127.0.0.1:5432 documents.cbor
//! cargo run -p parser-postgres --example postgres_tap -- mock 127.0.0.1:7000 documents.cbor
//! cargo run -p parser-postgres --example postgres_tap -- show documents.cbor
//! ```
//!
//! No TLS. With `inside-tls` behind `record`, what is relayed counts as taken out of TLS, which something else puts on again on the
//! way to a server (17 or later, which takes TLS without being asked first), and a bound log-in is done twice:
//!
//! ```text
//! socat TCP-LISTEN:7001,fork,reuseaddr EXEC:"openssl s_client -quiet -alpn postgresql -connect 127.0.0.1\:5432"
//! ```
//!
//! Matching is simple: equal in canonical form, in order; what has a longer lifetime than a test, again and again.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the console")]
use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use keploy_sdk::{
    Connection, Exchange, Lifetime, Map, Mode, Parser, Part, Peer, Side, Value,
    testing::{Effect, Recorder},
};
use parser_postgres::{Conversation, Postgres};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["record", listen, server, file] => record(listen, server, file, false),
        ["record", "inside-tls", listen, server, file] => record(listen, server, file, true),
        ["mock", listen, file] => mock(listen, file),
        ["show", file] => load(file).iter().for_each(|taken| println!("{taken:#?}\n")),
        _ => eprintln!("usage: postgres_tap record [inside-tls] LISTEN SERVER FILE | mock LISTEN FILE | show FILE"),
    }
}

/// One recorded exchange.
#[derive(Clone, Debug)]
struct Taken {
    request: Value,
    lifetime: Lifetime,
    responses: Vec<Value>,
    complete: bool,
}

/// Everything recorded, in the order it was opened, over all connections.
#[derive(Default)]
struct Book {
    taken: Vec<Taken>,
}

static CONNECTIONS: AtomicU64 = AtomicU64::new(0);

fn record(listen: &str, server: &str, file: &str, encrypted: bool) {
    let listener = TcpListener::bind(listen).expect("the address to listen on is free");
    let book = Arc::new(Mutex::new(Book::default()));
    for client in listener.incoming() {
        let (Ok(client), Ok(server)) = (client, TcpStream::connect(server)) else { continue };
        let number = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        let tap = Arc::new(Mutex::new(Tap::new(number, Arc::clone(&book), file.to_owned(), encrypted)));
        for (from, mut source, mut sink) in [
            (Side::Client, client.try_clone().expect("a socket can be cloned"), server.try_clone().expect("the same")),
            (Side::Server, server, client),
        ] {
            let tap = Arc::clone(&tap);
            thread::spawn(move || {
                let mut buffer = vec![0; 65536];
                let mut offset = 0;
                while let Ok(count @ 1..) = source.read(&mut buffer) {
                    let said = tap.lock().expect("no thread panics").feed(from, offset, &buffer[..count]);
                    offset += count as u64;
                    let [back, on] = said;
                    if sink.write_all(&on).is_err() || source.write_all(&back).is_err() {
                        break;
                    }
                }
                drop(sink.shutdown(Shutdown::Write));
                tap.lock().expect("no thread panics").end(from);
            });
        }
    }
}

/// One connection that is recorded.
struct Tap {
    number: u64,
    conversation: Conversation,
    host: Recorder,
    dead: bool,
    book: Arc<Mutex<Book>>,
    numbers: HashMap<Exchange, usize>,
    file: String,
    ended: usize,
}

impl Tap {
    fn new(number: u64, book: Arc<Mutex<Book>>, file: String, encrypted: bool) -> Self {
        let conversation = Conversation::new(Mode::Record, Peer { encrypted, ..Peer::default() }, Value::Null);
        Self { number, conversation, host: Recorder::new(), dead: false, book, numbers: HashMap::new(), file, ended: 0 }
    }

    /// What goes back to who spoke, and on to the other.
    fn feed(&mut self, from: Side, offset: u64, data: &[u8]) -> [Vec<u8>; 2] {
        let mut said = [Vec::new(), data.to_vec()];
        if self.dead {
            return said;
        }
        if let Err(fault) = self.conversation.feed(&mut self.host, from, offset, 1, data) {
            println!("#{} FAULT {fault}", self.number);
            self.dead = true;
            self.host.take();
        }
        for effect in self.file() {
            match effect {
                Effect::Withhold { .. } => said[1].clear(),
                Effect::Write { to, data } => said[usize::from(to != from)].extend(data),
                other => println!("#{} {other:?}", self.number),
            }
        }
        said
    }

    fn end(&mut self, from: Side) {
        if !self.dead {
            self.conversation.end(&mut self.host, from, 1).expect("an end is no fault");
            self.file().iter().for_each(|other| println!("#{} {other:?}", self.number));
        }
        self.ended += 1;
        if self.ended == 2 {
            save(&self.file, &self.book.lock().expect("no thread panics").taken);
        }
    }

    /// Returns what is not about exchanges.
    fn file(&mut self) -> Vec<Effect> {
        let mut book = self.book.lock().expect("no thread panics");
        let mut others = Vec::new();
        for effect in self.host.take() {
            match effect {
                Effect::Open { exchange, request, facts, .. } => {
                    println!("#{} {:?} [{}] {}", self.number, facts.lifetime, facts.class, facts.summary);
                    self.numbers.insert(exchange, book.taken.len());
                    book.taken.push(Taken {
                        request,
                        lifetime: facts.lifetime,
                        responses: Vec::new(),
                        complete: false,
                    });
                }
                Effect::Reply { exchange, response, .. } => {
                    book.taken[self.numbers[&exchange]].responses.push(response)
                }
                Effect::Close { exchange } => book.taken[self.numbers[&exchange]].complete = true,
                Effect::Abandon { exchange, reason } => println!("#{} LOST {exchange}: {reason}", self.number),
                other => others.push(other),
            }
        }
        others
    }
}

fn mock(listen: &str, file: &str) {
    let listener = TcpListener::bind(listen).expect("the address to listen on is free");
    let taken = load(file);
    let canonical: Vec<Value> =
        taken.iter().map(|taken| Postgres::canonical(Part::Request, taken.request.clone())).collect();
    let pool = Arc::new(Mutex::new(Pool { used: vec![false; taken.len()], taken, canonical }));
    for client in listener.incoming().flatten() {
        let pool = Arc::clone(&pool);
        let number = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        thread::spawn(move || serve(number, client, &pool));
    }
}

struct Pool {
    taken: Vec<Taken>,
    canonical: Vec<Value>,
    used: Vec<bool>,
}

impl Pool {
    fn claim(&mut self, request: &Value) -> Option<Vec<Value>> {
        let request = Postgres::canonical(Part::Request, request.clone());
        let matching = || (0..self.taken.len()).filter(|at| self.taken[*at].complete && self.canonical[*at] == request);
        let unused = matching().find(|at| !self.used[*at]);
        let found = unused.or_else(|| matching().rfind(|at| self.taken[*at].lifetime != Lifetime::Test))?;
        self.used[found] = true;
        Some(self.taken[found].responses.clone())
    }

    fn unused(&self) -> usize {
        (0..self.used.len())
            .filter(|at| !self.used[*at] && self.taken[*at].complete && self.taken[*at].lifetime == Lifetime::Test)
            .count()
    }
}

fn serve(number: u64, mut client: TcpStream, pool: &Mutex<Pool>) {
    let mut conversation = Conversation::new(Mode::Mock, Peer::default(), Value::Null);
    let mut host = Recorder::new();
    let mut buffer = vec![0; 65536];
    let mut offset = 0;
    while let Ok(count @ 1..) = client.read(&mut buffer) {
        if let Err(fault) = conversation.feed(&mut host, Side::Client, offset, 1, &buffer[..count]) {
            println!("#{number} FAULT {fault}");
            return;
        }
        offset += count as u64;
        while let effects @ [_, ..] = host.take().as_slice() {
            for effect in effects {
                match effect {
                    Effect::Write { data, .. } => drop(client.write_all(data)),
                    Effect::Finish { .. } => drop(client.shutdown(Shutdown::Write)),
                    Effect::Open { exchange, request, .. } => {
                        let found = pool.lock().expect("no thread panics").claim(request);
                        let outcome = match found {
                            Some(responses) => conversation.answer(&mut host, *exchange, responses),
                            None => {
                                println!("#{number} MISS {request:?}");
                                conversation.miss(&mut host, *exchange, "nothing recorded matches")
                            }
                        };
                        if let Err(fault) = outcome {
                            println!("#{number} FAULT {fault}");
                            return;
                        }
                    }
                    other => println!("#{number} {other:?}"),
                }
            }
        }
    }
    println!("#{number} done, {} not asked", pool.lock().expect("no thread panics").unused());
}

fn save(file: &str, taken: &[Taken]) {
    let documents = taken.iter().map(|taken| {
        let lifetime = if taken.lifetime == Lifetime::Test { "test" } else { "session" };
        let map = Map::new().with("request", taken.request.clone()).with("responses", taken.responses.clone());
        Value::from(map.with("lifetime", lifetime).with("complete", taken.complete))
    });
    let all = Value::Array(documents.collect()).to_cbor();
    std::fs::write(file, all).expect("the file can be written");
}

fn load(file: &str) -> Vec<Taken> {
    let bytes = std::fs::read(file).expect("the file can be read");
    let documents = Value::from_cbor(&bytes).expect("it was written by `record`");
    let taken = documents.as_array().unwrap_or_default().iter().map(|document| Taken {
        request: document.get("request").cloned().unwrap_or_default(),
        lifetime: match document.get("lifetime").and_then(Value::as_str) {
            Some("test") => Lifetime::Test,
            _ => Lifetime::Session,
        },
        responses: document.get("responses").and_then(Value::as_array).unwrap_or_default().to_vec(),
        complete: document.get("complete") == Some(&Value::Bool(true)),
    });
    taken.collect()
}
