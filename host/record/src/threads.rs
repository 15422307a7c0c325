//! Which thread made a call, and which request that thread was working on.
//!
//! Where a thread takes a request, works on it and answers it, the calls that it makes in between are that request's,
//! whatever else is in flight. That one thread reads requests and others work on them is as good, as long as a thread answers
//! one before it begins the next.
//!
//! Event loops, and schedulers that move tasks between threads, do not work so. They give themselves away as soon as requests
//! overlap: a thread takes a second request before it has answered the first, another one answers than the one that took it,
//! or a thread calls for a request that is not its own. Then nothing that threads of this process do is evidence.
use std::collections::{HashMap, HashSet};

use document::Hash;
use store::Timestamp;

#[cfg(test)]
mod tests;

use crate::observed::{Observed, Turn};

/// A process has to have answered so many overlapping requests to be known to work thread by thread.
const ENOUGH: usize = 8;
/// One exception in so many may be the kernel's: two threads that speak at the same instant are told of in any order.
const RARE: usize = 50;

/// A request to the application.
pub(crate) struct Request {
    pub connection: u64,
    pub started: Timestamp,
    pub ended: Timestamp,
}

/// A call of the application's.
pub(crate) struct Call<'a> {
    pub connection: u64,
    pub shape: Hash,
    pub started: Timestamp,
    pub ended: Timestamp,
    /// The requests that were in flight.
    pub candidates: &'a [usize],
}

/// What a call's thread says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub process: u32,
    /// Which of the candidates it may have been made for; empty: none of them.
    pub of: Vec<usize>,
    /// The thread was working on the one that is named.
    pub is_certain: bool,
}

/// Of each call, what its thread says, where threads can be believed.
pub(crate) fn say(observed: &Observed, requests: &[Request], calls: &[Call<'_>]) -> Vec<Option<Said>> {
    let senders: Vec<Option<&Turn>> = calls.iter().map(|call| observed.writer(call.connection, call.started)).collect();
    let during_requests = calls.iter().zip(&senders).filter(|(call, _)| !call.candidates.is_empty());
    let callers: HashSet<u32> = during_requests.filter_map(|(_, sender)| Some((*sender)?.thread)).collect();
    let mut work = Work::of(observed, requests, callers);
    let claims: Vec<Option<Said>> =
        calls.iter().zip(&senders).map(|(call, sender)| work.claim(call, (*sender)?, requests)).collect();
    let believed = work.believed(requests);
    let is_afterwards = |call: &Call<'_>, said: &Said| {
        said.is_certain && work.afterwards.contains(&call.shape) && said.of.iter().any(|request| !work.is_own(*request))
    };
    let claims = claims.into_iter().zip(calls);
    claims
        .map(|(said, call)| said.filter(|said| believed.contains(&said.process) && !is_afterwards(call, said)))
        .collect()
}

/// Who took and who answered a request.
#[derive(Clone, Copy)]
struct Service {
    request: usize,
    process: u32,
    /// Who answered.
    thread: u32,
    /// It took the request itself; else another thread did, which makes no calls.
    is_own: bool,
    taken: Timestamp,
    answered: Timestamp,
}

/// All that threads have answered.
struct Work {
    /// Thread -> what it answered, in order.
    threads: HashMap<u32, Vec<Service>>,
    /// Request -> who answered it.
    of_request: HashMap<usize, Service>,
    /// Process -> what does not fit.
    exceptions: HashMap<u32, Exceptions>,
    /// Shapes of calls that threads make after an answer, when nothing else is theirs.
    afterwards: HashSet<Hash>,
}

/// What a process does that threads working on one request at a time don't.
#[derive(Default)]
struct Exceptions {
    /// Another thread answered than the one that took the request, and both make calls.
    moved: usize,
    /// A thread took a request before it had answered the last one.
    at_once: usize,
    /// A thread called while only another thread's request was in flight.
    stray: usize,
}

impl Exceptions {
    fn count(&self) -> usize {
        self.moved + self.at_once + self.stray
    }
}

impl Work {
    /// `callers`: the threads that make calls while requests are in flight. What others do is nobody's evidence.
    fn of(observed: &Observed, requests: &[Request], callers: HashSet<u32>) -> Self {
        let mut work = Self {
            threads: HashMap::new(),
            of_request: HashMap::new(),
            exceptions: HashMap::new(),
            afterwards: HashSet::new(),
        };
        for (service, taken_by) in services(observed, requests) {
            if !callers.contains(&service.thread) {
                continue;
            }
            if !service.is_own && callers.contains(&taken_by) {
                work.exceptions.entry(service.process).or_default().moved += 1;
                continue;
            }
            work.threads.entry(service.thread).or_default().push(service);
            work.of_request.insert(service.request, service);
        }
        for services in work.threads.values_mut() {
            services.sort_by_key(|service| service.answered);
            for pair in services.windows(2).filter(|pair| pair[1].is_own && pair[1].taken < pair[0].answered) {
                work.exceptions.entry(pair[1].process).or_default().at_once += 1;
            }
        }
        work
    }

    fn is_own(&self, request: usize) -> bool {
        self.of_request.get(&request).is_some_and(|service| service.is_own)
    }

    /// None: this thread answers nobody, or all that it does contradicts the clock.
    fn claim(&mut self, call: &Call<'_>, sender: &Turn, requests: &[Request]) -> Option<Said> {
        let services = self.threads.get(&sender.thread)?;
        let process = services.first()?.process;
        let mut of = working_on(services, sender.at, call, requests);
        if of.is_empty() {
            self.afterwards.insert(call.shape);
            if let [only] = call.candidates
                && self.of_request.get(only).is_some_and(|service| service.thread != sender.thread)
            {
                self.exceptions.entry(process).or_default().stray += 1;
            }
            // Where the answer's thread is not known, it may be this one.
            of = call.candidates.iter().copied().filter(|n| !self.of_request.contains_key(n)).collect();
            return Some(Said { process, of, is_certain: false });
        }
        of.retain(|request| call.candidates.contains(request));
        let is_certain = of.len() == 1;
        (!of.is_empty()).then_some(Said { process, of, is_certain })
    }

    /// The processes that work thread by thread.
    fn believed(&self, requests: &[Request]) -> HashSet<u32> {
        let mut answered: HashMap<u32, usize> = HashMap::new();
        let is_crowded = crowded(requests);
        for service in self.of_request.values().filter(|service| is_crowded[service.request]) {
            *answered.entry(service.process).or_default() += 1;
        }
        for (process, count) in &answered {
            let none = Exceptions::default();
            let Exceptions { moved, at_once, stray } = self.exceptions.get(process).unwrap_or(&none);
            tracing::debug!(
                "process {process} has answered {count} overlapping requests; {moved} moved, {at_once} at once, {stray} stray"
            );
        }
        let is_believed = |(process, count): &(u32, usize)| {
            let exceptions = self.exceptions.get(process).map_or(0, Exceptions::count);
            *count >= ENOUGH && exceptions * RARE <= *count
        };
        answered.into_iter().filter(is_believed).map(|(process, _)| process).collect()
    }
}

/// What a thread worked on at a time; `services` are its own, in order.
fn working_on(services: &[Service], at: Timestamp, call: &Call<'_>, requests: &[Request]) -> Vec<usize> {
    let next = services.partition_point(|service| service.answered <= at);
    let coming = services.get(next).filter(|service| service.taken < at);
    if let Some(service) = coming.filter(|service| service.is_own) {
        return vec![service.request];
    }
    // It may still be writing its last answer: then the rest of that is written, and read, after the call was answered.
    let still = |service: &&Service| requests[service.request].ended >= call.ended;
    let going = next.checked_sub(1).map(|last| &services[last]).filter(still);
    going.into_iter().chain(coming).map(|service| service.request).collect()
}

/// Of each request, whether others were in flight at the same time. They are in the order in which they started.
fn crowded(requests: &[Request]) -> Vec<bool> {
    let mut crowded = vec![false; requests.len()];
    let mut latest: Option<usize> = None;
    for (n, request) in requests.iter().enumerate() {
        if let Some(earlier) = latest.filter(|earlier| requests[*earlier].ended >= request.started) {
            crowded[earlier] = true;
            crowded[n] = true;
        }
        if latest.is_none_or(|latest| requests[latest].ended < request.ended) {
            latest = Some(n);
        }
    }
    crowded
}

/// Who took and who answered each request, as far as that is known; and who took it, where that was somebody else.
fn services(observed: &Observed, requests: &[Request]) -> Vec<(Service, u32)> {
    // Where, on each connection, the answer before ended.
    let mut ends: HashMap<u64, u64> = HashMap::new();
    let mut services = Vec::new();
    for (n, request) in requests.iter().enumerate() {
        let Some(end) = observed.written_to(request.connection, request.ended) else { continue };
        let begin = ends.insert(request.connection, end).unwrap_or(0);
        let turns = observed.turns_from(request.connection, request.started);
        services.extend(service(turns, n, request, |offset| (begin..end).contains(&offset)));
    }
    services
}

fn service(turns: &[Turn], n: usize, request: &Request, is_answer: impl Fn(u64) -> bool) -> Option<(Service, u32)> {
    let takes = |turn: &&Turn| !turn.wrote && request.started < turn.at && turn.at <= request.ended;
    let first = turns.iter().position(|turn| takes(&turn))?;
    let turns = &turns[first..];
    // The first of them: whoever pushes the rest of a long answer out has not worked on it.
    let answer = turns.iter().position(|turn| turn.wrote && is_answer(turn.offset))?;
    let (readers, answer) = (&turns[..answer], &turns[answer]);
    let own = readers.iter().filter(takes).find(|turn| turn.thread == answer.thread);
    let taken = own.or_else(|| readers.iter().rfind(takes))?;
    let service = Service {
        request: n,
        process: answer.process,
        thread: answer.thread,
        is_own: own.is_some(),
        taken: taken.at,
        answered: answer.at,
    };
    Some((service, taken.thread))
}
