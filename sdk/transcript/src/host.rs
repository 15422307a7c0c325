//! A host around one connection: the clock, the offsets, and the bytes that a parser asked to keep.
use std::collections::{BTreeMap, VecDeque};

use keploy_sdk::{Exchange, Fault, Instant, Side, Value, testing::Effect};
use sha2::{Digest, Sha256};

use crate::driver::Link;

pub struct Host {
    link: Box<dyn Link>,
    now: Instant,
    client: Lane,
    server: Lane,
    /// What the parser asked for, except for keeping, which is done here.
    effects: Vec<Effect>,
    /// Where TLS begins in each direction, just asked for. What follows in a transcript is what is inside.
    tls_from: Option<[u64; 2]>,
    pub blobs: BTreeMap<u64, Vec<u8>>,
}

/// One direction.
#[derive(Default)]
struct Lane {
    /// Of the next byte that arrives.
    offset: u64,
    /// What is to be kept and has not arrived: blob, offset, bytes to go.
    keeps: VecDeque<(u64, u64, u64)>,
}

impl Host {
    pub fn new(link: Box<dyn Link>) -> Self {
        let (client, server) = (Lane::default(), Lane::default());
        Self { link, now: 0, client, server, effects: Vec::new(), tls_from: None, blobs: BTreeMap::new() }
    }

    /// What was asked for since the last call.
    pub fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    pub fn start(&mut self) -> Result<(), Fault> {
        self.call(|link, now| link.start(now))
    }

    /// Bytes of `from` arrive.
    pub fn feed(&mut self, from: Side, mut data: &[u8]) -> Result<(), Fault> {
        while !data.is_empty() {
            let offset = self.lane(from).offset;
            let keep = self.lane(from).keeps.front().copied();
            if let Some((blob, start, left)) = keep
                && start == offset
            {
                let (kept, rest) = data.split_at(data.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
                self.blobs.entry(blob).or_default().extend_from_slice(kept);
                data = rest;
                self.keep_on(from, kept.len() as u64)?;
                continue;
            }
            // Up to the next byte that is to be kept; the parser may ask for some of these meanwhile.
            let room = keep.map_or(usize::MAX, |(_, start, _)| usize::try_from(start - offset).unwrap_or(usize::MAX));
            let chunk = &data[..data.len().min(room)];
            let lane = self.lane(from);
            lane.offset += chunk.len() as u64;
            let known = lane.keeps.len();
            self.call(|link, now| link.feed(from, offset, now, chunk))?;
            let end = offset + chunk.len() as u64;
            let lane = self.lane(from);
            let seen = lane.keeps.iter().skip(known).map(|(_, start, _)| *start).find(|start| *start < end);
            let mut taken = seen.map_or(end, |start| start.max(offset)) - offset;
            if let Some([client, server]) = self.tls_from.take() {
                let from = if from == Side::Client { client } else { server };
                taken = taken.min(from.saturating_sub(offset));
            }
            let lane = self.lane(from);
            lane.offset = offset + taken;
            data = &data[usize::try_from(taken).expect("no more than a chunk")..];
        }
        Ok(())
    }

    /// `count` more bytes of the first keep have arrived.
    fn keep_on(&mut self, from: Side, count: u64) -> Result<(), Fault> {
        let lane = self.lane(from);
        lane.offset += count;
        let Some((blob, start, left)) = lane.keeps.pop_front() else { return Ok(()) };
        let left = if left == u64::MAX { left } else { left - count };
        if left > 0 {
            lane.keeps.push_front((blob, start + count, left));
            return Ok(());
        }
        self.call(|link, now| link.kept(from, blob, now))
    }

    pub fn end(&mut self, from: Side) -> Result<(), Fault> {
        // A keep without a length ends with its side.
        if let Some((blob, ..)) = self.lane(from).keeps.pop_front_if(|keep| keep.2 == u64::MAX) {
            self.blobs.entry(blob).or_default();
            self.call(|link, now| link.kept(from, blob, now))?;
        }
        self.call(|link, now| link.end(from, now))
    }

    pub fn answer(&mut self, exchange: Exchange, responses: Vec<Value>) -> Result<(), Fault> {
        let outcome = self.call(|link, _| link.answer(exchange, responses));
        self.tls_from = None; // nothing was being fed that could lie behind
        outcome
    }
    pub fn miss(&mut self, exchange: Exchange, reason: &str) -> Result<(), Fault> {
        self.call(|link, _| link.miss(exchange, reason))
    }
    pub fn send(&mut self, exchange: Exchange, request: Value) -> Result<(), Fault> {
        self.call(|link, _| link.send(exchange, request))
    }

    fn call(&mut self, f: impl FnOnce(&mut dyn Link, Instant) -> Result<Vec<Effect>, Fault>) -> Result<(), Fault> {
        self.now += 1;
        for effect in f(self.link.as_mut(), self.now)? {
            match effect {
                Effect::Keep { from, offset, len, blob, .. } => {
                    self.blobs.entry(blob).or_default();
                    self.lane(from).keeps.push_back((blob, offset, len));
                }
                Effect::UpgradeTls { client, server } => self.tls_from = Some([client, server]),
                Effect::KeepBytes { data, blob, .. } => self.blobs.entry(blob).or_default().extend(data),
                other => self.effects.push(other),
            }
        }
        Ok(())
    }

    fn lane(&mut self, side: Side) -> &mut Lane {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// Fills in what the host knows of the blobs in a document.
    pub fn complete(&self, document: &mut Value) {
        document.for_each_blob(&mut |blob| {
            if let Some(content) = self.blobs.get(&blob.id) {
                (blob.size, blob.sha256) = (content.len() as u64, Sha256::digest(content).into());
            }
        });
    }
}
