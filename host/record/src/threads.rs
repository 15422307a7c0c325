//! Which thread made a call, and which request that thread was working on.
//!
//! The kernel tells which thread reads and writes on each connection (`intercept::Turn`). Where a thread takes a request,
//! works on it and answers it, all calls that it makes in between are that request's, whatever else is in flight. Event loops
//! and schedulers that move tasks between threads do not work so; they give themselves away as soon as two requests
//! overlap, and then nothing that their process's threads do is evidence.
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Range,
};

use store::Timestamp;

/// A thread of the application began to write, or to read, on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// When the bytes had been written or read.
    pub at: Timestamp,
    /// How many bytes the application had written on this connection before.
    pub offset: u64,
    pub process: u32,
    pub thread: u32,
    pub wrote: bool,
}

/// What was seen of a run's connections beside what crossed them.
#[derive(Default)]
pub struct Observed {
    /// The kernel side's number of a connection -> the relay's.
    sockets: HashMap<u64, u64>,
    /// By the relay's number, in order.
    turns: HashMap<u64, Vec<Turn>>,
    /// (connection, time stamp) -> where in all that the application wrote was what the relay read then.
    written: HashMap<(u64, Timestamp), Range<u64>>,
}

impl Observed {
    pub fn connected(&mut self, socket: u64, connection: u64) {
        self.sockets.insert(socket, connection);
    }

    pub fn wrote(&mut self, connection: u64, at: Timestamp, bytes: Range<u64>) {
        self.written.insert((connection, at), bytes);
    }

    /// What the kernel told, by its own numbers.
    pub fn add(&mut self, turns: impl IntoIterator<Item = (u64, Turn)>) {
        for (socket, turn) in turns {
            if let Some(connection) = self.sockets.get(&socket) {
                self.turns.entry(*connection).or_default().push(turn);
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    fn turns(&self, connection: u64) -> &[Turn] {
        self.turns.get(&connection).map_or(&[], Vec::as_slice)
    }

    fn written(&self, connection: u64, at: Timestamp) -> Option<&Range<u64>> {
        self.written.get(&(connection, at))
    }

    /// Who wrote the request of a call. Where several threads may have, none.
    fn sender(&self, call: &Call<'_>) -> Option<Turn> {
        let written = self.written(call.connection, call.started)?;
        let writes = self.turns(call.connection).iter().filter(|turn| turn.wrote && turn.offset < written.end);
        let mut writes = writes.rev();
        let last = *writes.next()?;
        let is_other = last.offset > written.start && writes.next().is_some_and(|other| other.thread != last.thread);
        (!is_other).then_some(last)
    }
}

/// A request to the application.
pub(crate) struct Request {
    pub connection: u64,
    pub started: Timestamp,
    pub ended: Timestamp,
}

/// A call of the application's.
pub(crate) struct Call<'a> {
    pub connection: u64,
    pub started: Timestamp,
    pub ended: Timestamp,
    /// The requests that were in flight.
    pub candidates: &'a [usize],
}

/// Of each call, the request that it was made for, where its thread tells.
pub(crate) fn owners(observed: &Observed, requests: &[Request], calls: &[Call<'_>]) -> Vec<Option<usize>> {
    let senders: Vec<Option<Turn>> = calls.iter().map(|call| observed.sender(call)).collect();
    let calling: HashSet<u32> = senders.iter().flatten().map(|turn| turn.thread).collect();
    let services = services(observed, requests);
    let mut processes: BTreeMap<u32, Process> = BTreeMap::new();
    for service in &services {
        processes.entry(service.process).or_default().add(service, &calling);
    }
    for process in processes.values_mut() {
        process.sort();
    }
    let (mut unsent, mut unclaimed) = (0, 0);
    let mut claims = vec![None; calls.len()];
    for (n, (call, sender)) in calls.iter().zip(&senders).enumerate() {
        let Some(sender) = sender else {
            unsent += 1;
            continue;
        };
        let Some(process) = processes.get_mut(&sender.process) else {
            unclaimed += 1;
            continue;
        };
        let Some(thread) = process.threads.get(&sender.thread) else {
            unclaimed += 1;
            continue;
        };
        let claim = thread.working_on(sender.at, call, requests);
        match (call.candidates, claim) {
            ([only], Some(claim)) if *only == claim => process.confirmed += 1,
            ([_], Some(_)) => process.contradicted += 1,
            ([only], None) if !thread.serves(*only) => process.strays += 1,
            (_, None) => {
                process.idle += 1;
                if process.idle < 6 {
                    let next = thread.0.partition_point(|s| s.answered <= sender.at);
                    let d = |t: u64| (t as i64 - sender.at as i64) / 1000;
                    let show = |s: &Service| format!("[read {} answered {} started {} ended {} conn {}]", d(s.read), d(s.answered), d(requests[s.request].started), d(requests[s.request].ended), requests[s.request].connection);
                    tracing::debug!("process idle: thread {} at {} us, {} before, prev {:?} next {:?}", sender.thread, d(call.started), next, next.checked_sub(1).map(|n| show(&thread.0[n])), thread.0.get(next).map(show));
                }
            }
            _ => {}
        }
        claims[n] = claim.filter(|claim| call.candidates.contains(claim));
    }
    tracing::debug!(
        "process none: {} calls, {unsent} have no sender, {unclaimed} senders serve nothing; {} requests, {} services",
        calls.len(),
        requests.len(),
        services.len()
    );
    for (id, process) in &processes {
        tracing::debug!(
            "process {id}: {} threads, {} served, {} hops, {} overlaps, {} confirmed, {} contradicted, {} strays, {} idle",
            process.threads.len(),
            process.threads.values().map(|t| t.0.len()).sum::<usize>(),
            process.hops,
            process.overlaps,
            process.confirmed,
            process.contradicted,
            process.strays,
            process.idle
        );
    }
    claims
}

/// A thread took a request and answered it.
#[derive(Clone, Copy, Debug)]
struct Service {
    request: usize,
    process: u32,
    /// Who answered.
    thread: u32,
    /// Who read it.
    reader: u32,
    read: Timestamp,
    answered: Timestamp,
}

#[derive(Default)]
struct Process {
    threads: HashMap<u32, Thread>,
    hops: usize,
    overlaps: usize,
    confirmed: usize,
    contradicted: usize,
    strays: usize,
    idle: usize,
}

/// What a thread has answered, in order.
#[derive(Default)]
struct Thread(Vec<Service>);

impl Process {
    fn add(&mut self, service: &Service, calling: &HashSet<u32>) {
        if service.reader != service.thread && calling.contains(&service.reader) {
            self.hops += 1;
        }
        if calling.contains(&service.thread) {
            self.threads.entry(service.thread).or_default().0.push(*service);
        }
    }
    fn sort(&mut self) {
        for thread in self.threads.values_mut() {
            thread.0.sort_by_key(|service| service.answered);
            let pairs = thread.0.windows(2);
            self.overlaps +=
                pairs.filter(|pair| pair[1].reader == pair[1].thread && pair[1].read < pair[0].answered).count();
        }
    }
}

impl Thread {
    fn serves(&self, request: usize) -> bool {
        self.0.iter().any(|service| service.request == request)
    }

    fn working_on(&self, at: Timestamp, call: &Call<'_>, requests: &[Request]) -> Option<usize> {
        let next = self.0.partition_point(|service| service.answered <= at);
        let coming = self.0.get(next).filter(|service| service.read < at);
        if let Some(service) = coming.filter(|service| service.reader == service.thread) {
            return Some(service.request);
        }
        // What is written after a call was answered is read after that answer was.
        let still = |service: &&Service| requests[service.request].ended >= call.ended;
        let going = next.checked_sub(1).map(|n| &self.0[n]).filter(still);
        match (coming, going) {
            (Some(service), None) | (None, Some(service)) => Some(service.request),
            _ => None,
        }
    }
}

/// Who read and who answered each request.
fn services(observed: &Observed, requests: &[Request]) -> Vec<Service> {
    let mut by_connection: HashMap<u64, Vec<usize>> = HashMap::new();
    for (n, request) in requests.iter().enumerate() {
        by_connection.entry(request.connection).or_default().push(n);
    }
    let mut services = Vec::new();
    for (connection, of_connection) in by_connection {
        let turns = observed.turns(connection);
        // Where the answer before ended.
        let mut begin = 0;
        for n in of_connection {
            let request = &requests[n];
            let Some(end) = observed.written(connection, request.ended).map(|written| written.end) else { continue };
            services.extend(service(turns, n, request, begin..end));
            begin = end;
        }
    }
    services
}

/// `answer`: where in what the application wrote the answer lies.
fn service(turns: &[Turn], n: usize, request: &Request, answer: Range<u64>) -> Option<Service> {
    let in_time = |turn: &&Turn| !turn.wrote && request.started < turn.at && turn.at <= request.ended;
    let first = turns.iter().position(|turn| in_time(&turn))?;
    let turns = &turns[first..];
    let last = turns.iter().position(|turn| turn.wrote && answer.contains(&turn.offset))?;
    let written = turns[last];
    let mut readers = turns[..last].iter().filter(in_time);
    let own = readers.clone().find(|turn| turn.thread == written.thread);
    let read = own.or_else(|| readers.next_back())?;
    Some(Service {
        request: n,
        process: written.process,
        thread: written.thread,
        reader: read.thread,
        read: read.at,
        answered: written.at,
    })
}
