//! Reads along: the bytes of one recorded connection in, exchanges out.
//!
//! Whatever goes wrong here ends the reading and is said once; the bytes are on their way in any case.
use std::{
    collections::BTreeMap,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use plugins::{Detected, Effect, Facts, Failure, Fault, Mode, Pace, Peer, Plugin, Side};

use crate::{
    Common, ConnectionInfo, Direction, Exchange, Sink,
    guest::{Guest, MakeBlob},
    pieces::Pieces,
    tls,
};

/// So many first bytes are looked at before whoever is surest gets the connection.
const DETECT_MOST: usize = 16 << 10;

pub(crate) struct Tap {
    info: Arc<ConnectionInfo>,
    common: Common,
    sink: Arc<dyn Sink>,
    state: State,
    pace: Pace,
    /// What the application wrote.
    pieces: Pieces,
    ended: [bool; 2],
    /// The next bytes of both sides are a TLS handshake.
    tls: bool,
    /// TLS was taken off, from the first byte on.
    encrypted: bool,
    /// What is read has gone on long ago: see [`Tap::fall_behind`].
    behind: bool,
    /// Anything was said, TLS aside.
    heard: bool,
    /// What TLS calls this destination, once it was taken off.
    tls_destination: Option<String>,
    /// What the parser changes about the bytes being fed.
    changes: Option<Box<Changes>>,
    /// What its other connections have to know: subject and message.
    told: Vec<(String, Vec<u8>)>,
}

/// A parser takes part in what is said: see `withhold` and `write` in `wit/parser.wit`.
#[derive(Default)]
pub(crate) struct Changes {
    /// Ranges of the bytes being fed that do not go on, in order.
    pub withheld: Vec<Range<usize>>,
    /// What is said after the rest of them has gone on.
    pub said: Vec<(Side, Vec<u8>)>,
}

enum State {
    /// Nothing was said yet, or too little.
    Detecting(Vec<Segment>),
    Reading(Box<Reading>),
    /// Nobody reads: the parser failed, or there is none.
    Blind,
}

struct Segment {
    from: Side,
    at: u64,
    data: Vec<u8>,
}

struct Reading {
    plugin: Arc<Plugin>,
    guest: Guest,
    pending: BTreeMap<u64, Pending>,
}

struct Pending {
    request: Vec<u8>,
    facts: Facts,
    started: u64,
    responses: Vec<(Vec<u8>, u64)>,
    written: Option<Range<u64>>,
    /// The server started it: with something for this subject.
    inbound: Option<String>,
}

impl Pending {
    fn new(request: Vec<u8>, facts: Facts, started: u64) -> Self {
        Self { request, facts, started, responses: Vec::new(), written: None, inbound: None }
    }

    fn lose(&self, sink: &dyn Sink, info: &ConnectionInfo, reason: &str) {
        match self.inbound {
            Some(_) => sink.unsettled(info, reason),
            None => sink.lost(info, reason),
        }
    }
}

/// All that is open.
fn lose(sink: &dyn Sink, info: &ConnectionInfo, reading: &Reading, reason: &str) {
    reading.pending.values().for_each(|pending| pending.lose(sink, info, reason));
}

impl Tap {
    pub fn new(info: Arc<ConnectionInfo>, common: Common, sink: Arc<dyn Sink>) -> Self {
        Self {
            info,
            common,
            sink,
            state: State::Detecting(Vec::new()),
            // A handshake must not go on before it is known to be one, nor anything before a parser that says so.
            pace: Pace::Lockstep,
            pieces: Pieces::default(),
            ended: [false; 2],
            tls: false,
            encrypted: false,
            behind: false,
            heard: false,
            tls_destination: None,
            changes: None,
            told: Vec::new(),
        }
    }

    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// Returns how many of the bytes may go on: all, unless TLS begins in them.
    /// `raw`: how many bytes of the wire they were.
    pub fn feed(&mut self, from: Side, at: u64, raw: u64, data: &[u8]) -> usize {
        let mut seen = data.len();
        if from == self.application() && !matches!(self.state, State::Blind) {
            self.pieces.note(at, raw);
        }
        self.guarded(|tap| {
            seen = tap.try_feed(from, at, data)?;
            Ok(())
        });
        if self.tls { seen } else { data.len() }
    }

    /// On which side is the application?
    fn application(&self) -> Side {
        match self.info.direction {
            Direction::Incoming => Side::Server,
            Direction::Outgoing => Side::Client,
        }
    }

    /// Was anything said, TLS aside?
    pub fn has_heard(&self) -> bool {
        self.heard
    }

    /// Has a parser got this connection?
    pub fn is_reading(&self) -> bool {
        matches!(self.state, State::Reading(_))
    }

    /// Nobody reads any more.
    pub fn is_blind(&self) -> bool {
        matches!(self.state, State::Blind)
    }

    /// Nothing that it may still find changes what goes on.
    pub fn may_fall_behind(&self) -> bool {
        self.pace == Pace::Free && !self.tls && self.changes.is_none()
    }

    /// From now on it is fed what has gone on before; `sink` gets what is found.
    pub fn fall_behind(&mut self, sink: Arc<dyn Sink>) {
        (self.behind, self.sink) = (true, sink);
        self.guarded(|tap| match &mut tap.state {
            State::Detecting(segments) if !segments.is_empty() => {
                let segments = std::mem::take(segments);
                tap.begin(segments, false).map(|_| ())
            }
            _ => Ok(()),
        });
    }

    /// Once: what the parser changes about the bytes that were just fed.
    pub fn take_changes(&mut self) -> Option<Box<Changes>> {
        self.changes.take()
    }

    /// True once: the next bytes of both sides are a TLS handshake.
    pub fn take_tls(&mut self) -> bool {
        std::mem::take(&mut self.tls)
    }

    /// What is fed from now on was inside TLS.
    pub fn taken_off(&mut self, destination: String, name: Option<String>) {
        if let State::Detecting(_) = self.state {
            self.encrypted = true;
            let info = ConnectionInfo { tls: Some(name.unwrap_or_default()), ..ConnectionInfo::clone(&self.info) };
            self.info = Arc::new(info);
        }
        self.tls_destination = Some(destination);
    }

    /// Nobody can read what follows.
    pub fn left_on(&mut self, why: String) {
        self.guarded(|_| Err(Failure::Fault(Fault { code: "encrypted".to_owned(), message: why })));
    }

    /// The parser that reads.
    pub fn protocol(&self) -> Option<&str> {
        match &self.state {
            State::Reading(reading) => Some(&reading.plugin.manifest.protocol),
            _ => None,
        }
    }

    /// Once: what the other connections of its parser have to know, by subject.
    pub fn take_told(&mut self) -> Vec<(String, Vec<u8>)> {
        std::mem::take(&mut self.told)
    }

    /// What another connection of its parser told. What the guest tells in turn goes nowhere: they would never stop.
    pub fn hear(&mut self, message: &Vec<u8>) {
        let told = std::mem::take(&mut self.told);
        self.guarded(|tap| {
            tap.with_guest(|guest, effects| {
                guest.connection().send(0, message, effects)?;
                guest.take_ours(effects)
            })
        });
        self.told = told;
    }

    /// That side will send no more.
    pub fn end(&mut self, from: Side, at: u64) {
        let ended = &mut self.ended[usize::from(matches!(from, Side::Server))];
        if std::mem::replace(ended, true) {
            return;
        }
        self.guarded(|tap| {
            if let State::Detecting(segments) = &mut tap.state
                && !segments.is_empty()
            {
                let segments = std::mem::take(segments);
                tap.begin(segments, true)?;
            }
            tap.with_guest(|guest, effects| guest.end(from, at, effects))
        });
    }

    /// The connection is over.
    pub fn finish(&mut self, at: u64) {
        self.end(Side::Client, at);
        self.end(Side::Server, at);
        if let State::Reading(reading) = std::mem::replace(&mut self.state, State::Blind) {
            lose(&*self.sink, &self.info, &reading, "the connection ended before the answer did");
        }
    }

    /// Runs `f`; whatever fails in it, even by a bug of ours, ends only the reading.
    fn guarded(&mut self, f: impl FnOnce(&mut Self) -> Result<(), Failure>) {
        let failure = match catch_unwind(AssertUnwindSafe(|| f(self))) {
            Ok(Ok(())) => return,
            Ok(Err(failure)) => failure,
            Err(_) => Failure::Trap("keploy itself panicked; please report it".to_owned()),
        };
        let state = std::mem::replace(&mut self.state, State::Blind);
        self.pace = Pace::Free;
        let mut reason = failure.to_string();
        if let State::Reading(reading) = state {
            reason = format!("{}: {reason}", reading.plugin.manifest.protocol);
            lose(&*self.sink, &self.info, &reading, &reason);
            if reading.plugin.note(&failure) {
                let parser = &reading.plugin.manifest.protocol;
                tracing::error!(%parser, "stopped too often: this parser is not asked again in this run");
            }
        }
        self.sink.unparsed(&self.info, &reason);
    }

    fn try_feed(&mut self, from: Side, at: u64, data: &[u8]) -> Result<usize, Failure> {
        match &mut self.state {
            State::Reading(_) => {
                let mut seen = 0;
                self.with_guest(|guest, effects| {
                    seen = guest.feed(from, at, data, effects)?;
                    Ok(())
                })?;
                self.look_for_tls()?;
                Ok(seen)
            }
            State::Detecting(segments) => {
                let first = segments.is_empty() && !self.behind;
                if first && from == Side::Client && !self.encrypted && tls::is_hello(data) {
                    self.tls = true;
                    return Ok(0);
                }
                self.heard = true;
                segments.push(Segment { from, at, data: data.to_vec() });
                let segments = std::mem::take(segments);
                if !self.behind && !self.needs_step(&segments) {
                    // Who reads it is found out when it is read.
                    self.pace = Pace::Free;
                    self.state = State::Detecting(segments);
                    return Ok(data.len());
                }
                Ok(self.begin(segments, false)?.min(data.len()))
            }
            State::Blind => Ok(data.len()),
        }
    }

    /// Has the parser found that TLS begins?
    fn look_for_tls(&mut self) -> Result<(), Failure> {
        let State::Reading(reading) = &mut self.state else { return Ok(()) };
        if reading.guest.begins_tls(Mode::Record)? {
            if self.pace == Pace::Free {
                return Err(tls_too_late());
            }
            self.tls = true;
        }
        Ok(())
    }

    /// Could it belong to a parser that has to see bytes before they go on?
    fn needs_step(&self, segments: &[Segment]) -> bool {
        let (client, server) = (said(segments, Side::Client), said(segments, Side::Server));
        let incoming = self.info.direction == Direction::Incoming;
        self.common.registry.any_in_step(&self.peer(), incoming, &client, &server)
    }

    fn peer(&self) -> Peer {
        Peer { host: self.info.host.clone(), port: self.info.address.port(), encrypted: self.encrypted }
    }

    /// Finds out who reads this connection, and shows them what was said so far. Returns how many bytes of the last
    /// segment may go on, at most.
    fn begin(&mut self, segments: Vec<Segment>, last_chance: bool) -> Result<usize, Failure> {
        let (client, server) = (said(&segments, Side::Client), said(&segments, Side::Server));
        let peer = self.peer();
        let incoming = self.info.direction == Direction::Incoming;
        let registry = &self.common.registry;
        let plugin = if last_chance || client.len().max(server.len()) >= DETECT_MOST {
            registry.detect_now(&peer, incoming, &client, &server)
        } else {
            match registry.detect(&peer, incoming, &client, &server) {
                Detected::Plugin(plugin) => Some(plugin),
                Detected::More(_) => {
                    self.state = State::Detecting(segments);
                    return Ok(usize::MAX);
                }
                Detected::Nobody => None,
            }
        };
        let Some(plugin) = plugin else {
            let message = "no parser recognises it".to_owned();
            return Err(Failure::Fault(Fault { code: "unknown-protocol".to_owned(), message }));
        };
        self.pace = if plugin.manifest.lockstep && !self.behind { Pace::Lockstep } else { Pace::Free };
        let config = (self.common.config)(&plugin.manifest.protocol);
        let connection = plugin.connect(Mode::Record, &peer, &config)?;
        let sink = self.sink.clone();
        let make_blob: MakeBlob = Box::new(move || sink.blob());
        let guest = Guest::new(connection, make_blob);
        self.state = State::Reading(Box::new(Reading { plugin, guest, pending: BTreeMap::new() }));
        let started = segments.first().map_or(0, |segment| segment.at);
        self.with_guest(|guest, effects| guest.connection().start(started, effects))?;
        let mut seen = usize::MAX;
        for segment in segments {
            if seen < usize::MAX {
                return Err(tls_too_late());
            }
            self.with_guest(|guest, effects| {
                let all = segment.data.len();
                seen = guest.feed(segment.from, segment.at, &segment.data, effects)?;
                seen = if seen == all { usize::MAX } else { seen };
                Ok(())
            })?;
        }
        self.look_for_tls()?;
        Ok(seen)
    }

    fn with_guest(
        &mut self,
        f: impl FnOnce(&mut Guest, &mut Vec<Effect>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let State::Reading(reading) = &mut self.state else { return Ok(()) };
        // Connections that it has read well so far, too: each would hold up all others for as long as it may run.
        if reading.plugin.is_benched() {
            return Err(Failure::Stopped("it was stopped too often in this run"));
        }
        let base = [reading.guest.offset(Side::Client), reading.guest.offset(Side::Server)];
        let mut effects = Vec::new();
        f(&mut reading.guest, &mut effects)?;
        for effect in effects {
            match effect {
                Effect::Open { exchange, request, facts, at } => {
                    let request = reading.guest.complete(request)?;
                    let mut pending = Pending::new(request, facts, at);
                    if self.info.direction == Direction::Outgoing {
                        pending.written = self.pieces.read_at(at);
                    }
                    reading.pending.insert(exchange, pending);
                    self.sink.opened(&self.info);
                }
                // No sink is told before it is over: it may come to nothing.
                Effect::OpenInbound { exchange, subject, request, facts, at } => {
                    if self.info.direction == Direction::Incoming {
                        let message = format!("something for {subject} came from a client");
                        return Err(Failure::Fault(Fault { code: "not-of-a-server".to_owned(), message }));
                    }
                    let request = reading.guest.complete(request)?;
                    let pending = Pending { inbound: Some(subject), ..Pending::new(request, facts, at) };
                    reading.pending.insert(exchange, pending);
                }
                Effect::Reply { exchange, response, at } => {
                    let response = reading.guest.complete(response)?;
                    let pending = reading.pending.get_mut(&exchange).ok_or_else(|| not_open(exchange))?;
                    pending.responses.push((response, at));
                    if self.info.direction == Direction::Incoming {
                        pending.written = self.pieces.read_at(at);
                    }
                }
                Effect::Close { exchange } => {
                    let Pending { request, facts, started, responses, written, inbound } =
                        reading.pending.remove(&exchange).ok_or_else(|| not_open(exchange))?;
                    self.sink.exchange(Exchange {
                        connection: self.info.clone(),
                        protocol: reading.plugin.manifest.protocol.clone(),
                        schema: reading.plugin.manifest.schema,
                        facts,
                        request,
                        started,
                        responses,
                        written,
                        inbound,
                    });
                }
                Effect::Abandon { exchange, reason } => {
                    let pending = reading.pending.remove(&exchange).ok_or_else(|| not_open(exchange))?;
                    pending.lose(&*self.sink, &self.info, &reason);
                }
                Effect::Tell { subject, message } => self.told.push((subject, message)),
                // Only a mock has takers.
                Effect::Serves { .. } | Effect::ServesNoMore { .. } => {}
                // What has gone on is not called back.
                Effect::SetPace(_) if self.behind => {}
                Effect::SetPace(pace) => self.pace = pace,
                Effect::Write { .. } | Effect::Withhold { .. } if self.pace == Pace::Free => {
                    let message = "the parser takes part in what has gone on already".to_owned();
                    return Err(Failure::Fault(Fault { code: "not-in-lockstep".to_owned(), message }));
                }
                Effect::Write { to, data } => self.changes.get_or_insert_default().said.push((to, data)),
                Effect::Withhold { from, offset, len } => {
                    let range =
                        offset.checked_sub(base[usize::from(from == Side::Server)]).zip(offset.checked_add(len));
                    let range = range.and_then(|(start, _)| {
                        let start = usize::try_from(start).ok()?;
                        Some(start..start.checked_add(usize::try_from(len).ok()?)?)
                    });
                    let Some(range) = range else { return Err(not_here(offset)) };
                    self.changes.get_or_insert_default().withheld.push(range);
                }
                Effect::WriteBlob { .. } | Effect::Finish { .. } => {
                    let message = "the parser half-closes, or sends a recorded body, while recording".to_owned();
                    return Err(Failure::Fault(Fault { code: "not-while-recording".to_owned(), message }));
                }
                Effect::LeaveEncrypted { reason } => {
                    let destination = self.tls_destination.clone().unwrap_or_else(|| self.info.destination());
                    if self.common.tls.leave_on(&destination, &reason) {
                        tracing::warn!("{destination}: from now on its TLS is passed through unread: {reason}");
                    }
                }
                Effect::Keep { .. } | Effect::KeepBytes { .. } | Effect::UpgradeTls { .. } => {
                    unreachable!("taken out by `Guest`")
                }
            }
        }
        Ok(())
    }
}

/// The first bytes of a side.
fn said(segments: &[Segment], side: Side) -> Vec<u8> {
    let of_side = segments.iter().filter(|segment| segment.from == side);
    of_side.flat_map(|segment| &segment.data).copied().take(DETECT_MOST).collect()
}

fn not_here(offset: u64) -> Failure {
    let message = format!("the parser withholds bytes at {offset}, which are not being fed");
    Failure::Fault(Fault { code: "withheld-elsewhere".to_owned(), message })
}

fn tls_too_late() -> Failure {
    let message = "the parser found TLS in bytes that have gone on already".to_owned();
    Failure::Fault(Fault { code: "tls-too-late".to_owned(), message })
}

fn not_open(exchange: u64) -> Failure {
    let message = format!("it speaks of exchange {exchange}, which is not open");
    Failure::Fault(Fault { code: "no-such-exchange".to_owned(), message })
}
