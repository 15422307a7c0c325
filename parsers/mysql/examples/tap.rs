//! A relay and a mock for one destination, without the host and its sandbox: what real drivers do, seen natively.
//!
//! ```text
//! tap record LISTEN UPSTREAM FILE    forwards, prints the exchanges, and writes them when a line comes on stdin, or its end
//! tap mock LISTEN FILE               answers from them; says what was missed, and what was not asked for
//! ```
//!
//! Connections must not be encrypted. Matching is simple: the earliest unused exchange that is equal, else any that may
//! be used again.
use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use keploy_sdk::{
    Connection, Fault, Lifetime, Map, Mode, Parser, Part, Peer, Side, Value,
    testing::{Effect, Recorder},
};
use parser_mysql::{Conversation, MySql};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["record", listen, upstream, file] => record(listen, upstream, file),
        ["mock", listen, file] => mock(listen, file),
        _ => panic!("usage: tap record LISTEN UPSTREAM FILE | tap mock LISTEN FILE"),
    }
}

#[derive(Clone)]
struct Exchange {
    request: Value,
    responses: Vec<Value>,
    lifetime: Lifetime,
    used: bool,
}

type Exchanges = Arc<Mutex<Vec<Exchange>>>;

fn record(listen: &str, upstream: &str, file: &str) {
    let all = Exchanges::default();
    let listener = TcpListener::bind(listen).expect("the address is free");
    let (collected, upstream) = (Arc::clone(&all), upstream.to_owned());
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(&upstream).expect("the server listens");
            let tapped = Arc::new(Mutex::new(Tapped::new(Arc::clone(&collected))));
            forward(Side::Client, &client, &server, &tapped);
            forward(Side::Server, &server, &client, &tapped);
        }
    });
    std::io::stdin().read_line(&mut String::new()).expect("stdin can be read");
    let all = all.lock().expect("no thread panicked");
    let documents = all.iter().map(|exchange| {
        let session = exchange.lifetime == Lifetime::Session;
        let request = Map::new().with("request", exchange.request.clone());
        Value::from(request.with("responses", exchange.responses.clone()).with("session", session))
    });
    std::fs::write(file, Value::Array(documents.collect()).to_cbor()).expect("the file can be written");
}

fn forward(from: Side, source: &TcpStream, sink: &TcpStream, tapped: &Arc<Mutex<Tapped>>) {
    let [mut source, mut sink] = [source, sink].map(|socket| socket.try_clone().expect("a socket can be shared"));
    let tapped = Arc::clone(tapped);
    thread::spawn(move || {
        let (mut buffer, mut offset) = (vec![0; 1 << 16], 0);
        while let Ok(count @ 1..) = source.read(&mut buffer) {
            tapped.lock().expect("no thread panicked").feed(from, offset, &buffer[..count]);
            offset += count as u64;
            if sink.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        tapped.lock().expect("no thread panicked").end(from);
        // Whoever hung up first is told by the other side's sockets.
        let _ = sink.shutdown(Shutdown::Write);
    });
}

/// One connection that is read.
struct Tapped {
    conversation: Conversation,
    host: Recorder,
    all: Exchanges,
    open: Vec<(u64, Exchange)>,
    is_over: bool,
}

impl Tapped {
    fn new(all: Exchanges) -> Self {
        let conversation = Conversation::new(Mode::Record, Peer::default(), Value::Null);
        Self { conversation, host: Recorder::new(), all, open: Vec::new(), is_over: false }
    }

    fn feed(&mut self, from: Side, offset: u64, data: &[u8]) {
        if !self.is_over {
            let outcome = self.conversation.feed(&mut self.host, from, offset, 1, data);
            self.commit(outcome);
        }
    }

    fn end(&mut self, from: Side) {
        if !self.is_over {
            let outcome = self.conversation.end(&mut self.host, from, 1);
            self.commit(outcome);
        }
    }

    fn commit(&mut self, outcome: Result<(), Fault>) {
        if let Err(fault) = outcome {
            eprintln!("FAULT {fault}");
            self.is_over = true;
        }
        for effect in self.host.take() {
            match effect {
                Effect::Open { exchange, request, facts, .. } => {
                    let (responses, used) = (Vec::new(), false);
                    println!("[{:?}] {} | {}", facts.lifetime, facts.class, facts.summary);
                    self.open.push((exchange, Exchange { request, responses, lifetime: facts.lifetime, used }));
                }
                Effect::Reply { exchange, response, .. } => {
                    let open = self.open.iter_mut().find(|(number, _)| *number == exchange).expect("it is open");
                    open.1.responses.push(response);
                }
                Effect::Close { exchange } => {
                    let at = self.open.iter().position(|(number, _)| *number == exchange).expect("it is open");
                    let (_, exchange) = self.open.remove(at);
                    println!("    {:?}\n    {:?}", exchange.request, exchange.responses);
                    self.all.lock().expect("no thread panicked").push(exchange);
                }
                Effect::Abandon { reason, exchange } => {
                    eprintln!("ABANDONED {exchange}: {reason}");
                    self.open.retain(|(number, _)| *number != exchange);
                }
                Effect::UpgradeTls { .. } => {
                    eprintln!("TLS: cannot be taken off here");
                    self.is_over = true;
                }
                _ => {}
            }
        }
    }
}

fn mock(listen: &str, file: &str) {
    let data = std::fs::read(file).expect("the file can be read");
    let recorded = Value::from_cbor(&data).expect("a recording");
    let all: Vec<Exchange> = recorded.as_array().unwrap_or_default().iter().map(read_exchange).collect();
    let all = Arc::new(Mutex::new(all));
    let listener = TcpListener::bind(listen).expect("the address is free");
    let shared = Arc::clone(&all);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let all = Arc::clone(&shared);
            thread::spawn(move || serve(client, &all));
        }
    });
    std::io::stdin().read_line(&mut String::new()).expect("stdin can be read");
    for left in all.lock().expect("no thread panicked").iter() {
        if !left.used && left.lifetime == Lifetime::Test {
            println!("NOT ASKED {:?}", left.request);
        }
    }
}

fn read_exchange(document: &Value) -> Exchange {
    let get = |name| document.get(name).cloned().unwrap_or_default();
    let lifetime = if get("session") == Value::Bool(true) { Lifetime::Session } else { Lifetime::Test };
    let responses = get("responses").as_array().unwrap_or_default().to_vec();
    Exchange { request: get("request"), responses, lifetime, used: false }
}

fn serve(mut client: TcpStream, all: &Mutex<Vec<Exchange>>) {
    let mut conversation = Conversation::new(Mode::Mock, Peer::default(), Value::Null);
    let mut host = Recorder::new();
    let mut outcome = conversation.start(&mut host, 1);
    let (mut buffer, mut offset) = (vec![0; 1 << 16], 0);
    loop {
        outcome = outcome.and_then(|()| settle(&mut conversation, &mut host, &mut client, all));
        if let Err(fault) = outcome {
            println!("FAULT {fault}");
            return;
        }
        let Ok(count @ 1..) = client.read(&mut buffer) else { return };
        outcome = conversation.feed(&mut host, Side::Client, offset, 1, &buffer[..count]);
        offset += count as u64;
    }
}

/// Writes what is to be written, and answers what was asked, until nothing is.
fn settle(
    conversation: &mut Conversation,
    host: &mut Recorder,
    client: &mut TcpStream,
    all: &Mutex<Vec<Exchange>>,
) -> Result<(), Fault> {
    let mut effects: std::collections::VecDeque<Effect> = host.take().into();
    while let Some(effect) = effects.pop_front() {
        match effect {
            Effect::Write { data, .. } => client.write_all(&data).unwrap_or_default(),
            Effect::Finish { .. } => client.shutdown(Shutdown::Write).unwrap_or_default(),
            Effect::Open { exchange, request, .. } => {
                match claim(all, &request) {
                    Some(responses) => conversation.answer(host, exchange, responses)?,
                    None => {
                        println!("MISS {request:?}");
                        conversation.miss(host, exchange, "nothing recorded matches")?;
                    }
                }
                effects.extend(host.take());
            }
            other => println!("ignored: {other:?}"),
        }
    }
    Ok(())
}

fn claim(all: &Mutex<Vec<Exchange>>, request: &Value) -> Option<Vec<Value>> {
    let asked = MySql::canonical(Part::Request, request.clone());
    let mut all = all.lock().expect("no thread panicked");
    let equal = |exchange: &&mut Exchange| MySql::canonical(Part::Request, exchange.request.clone()) == asked;
    let mut matching: Vec<&mut Exchange> = all.iter_mut().filter(equal).collect();
    let unused = matching.iter().position(|exchange| !exchange.used);
    let at = unused.or_else(|| matching.iter().rposition(|exchange| exchange.lifetime == Lifetime::Session))?;
    matching[at].used = true;
    Some(matching[at].responses.clone())
}
