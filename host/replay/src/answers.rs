//! The relay's source of answers.
use std::{
    fs::File,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use document::{Blob, Value};
use plugins::{Facts, Lifetime, Part, Registry};
use relay::{Answer, Answers, ConnectionInfo};
use store::Assets;

use crate::{
    pool::{Additional, Found, Pool},
    replay::Forms,
    resolver::Resolver,
};

/// What the relay's workers and the driver share.
pub(crate) struct Shared {
    pub registry: Registry,
    pub forms: Forms,
    pub pool: Mutex<Pool>,
    pub resolver: Mutex<Resolver>,
    pub assets: Assets,
    /// Told whenever a call was answered.
    pub claimed: tokio::sync::Notify,
}

impl Shared {
    pub fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The destination as it was recorded: by name, else by address.
    fn destination(pool: &Pool, connection: &ConnectionInfo) -> String {
        let (name, address) = (connection.destination(), connection.address.to_string());
        let known = |destination: &str| pool.protocols(destination).is_some();
        if !known(&name) && known(&address) { address } else { name }
    }

    fn find(&self, connection: &ConnectionInfo, protocol: &str, request: &Value) -> (Found, Value, String) {
        let form = self.forms.of(&self.registry, protocol, Part::Request);
        let request = form.strip(request);
        let hash = document::hash(&request);
        let mut pool = self.pool();
        let destination = Self::destination(&pool, connection);
        let found = pool.claim(&destination, protocol, &request, hash);
        (found, request, destination)
    }

    fn recorded(&self, call: usize) -> Vec<Vec<u8>> {
        let pool = self.pool();
        pool.calls[call].mock.responses.iter().map(|response| response.body.to_cbor()).collect()
    }
}

/// A handle that the relay owns.
pub(crate) struct Handle(pub Arc<Shared>);

impl Answers for Handle {
    fn protocols(&self, connection: &ConnectionInfo) -> Vec<String> {
        let pool = self.0.pool();
        let destination = Shared::destination(&pool, connection);
        pool.protocols(&destination).cloned().unwrap_or_default()
    }

    fn out_of_reach(&self) -> Vec<(String, u16, String)> {
        self.0.pool().out_of_reach().to_vec()
    }

    fn answer(&self, connection: &ConnectionInfo, protocol: &str, facts: &Facts, request: Value, _at: u64) -> Answer {
        let (found, request, destination) = self.0.find(connection, protocol, &request);
        if let Found::Call(call) = found {
            let responses = self.0.recorded(call);
            self.0.claimed.notify_one();
            return Answer::Recorded(responses);
        }
        let additional = Additional {
            protocol: protocol.to_owned(),
            destination,
            class: facts.class.clone(),
            summary: facts.summary.clone(),
            request,
            by_driver: facts.lifetime == Lifetime::Session,
        };
        let mut pool = self.0.pool();
        let nearest = pool.nearest(&additional, 0..pool.calls.len());
        let nearest =
            nearest.map_or_else(String::new, |(call, _)| format!("; the nearest is {}", pool.calls[call].mock.name));
        let reason = format!("no recorded call matches {} to {}{nearest}", additional.summary, additional.destination);
        pool.note_additional(additional);
        Answer::Miss(reason)
    }

    fn answer_partial(
        &self,
        connection: &ConnectionInfo,
        protocol: &str,
        _facts: &Facts,
        request: Value,
    ) -> Option<Vec<Vec<u8>>> {
        match self.0.find(connection, protocol, &request).0 {
            Found::Call(call) => {
                self.0.claimed.notify_one();
                Some(self.0.recorded(call))
            }
            Found::Nothing => None,
        }
    }

    fn unanswered(&self, connection: &ConnectionInfo, reason: &str) {
        let trouble = format!("{}: {reason}", connection.destination());
        tracing::warn!("{trouble}");
        self.0.pool().note_trouble(trouble);
    }

    fn resolve(&self, query: &[u8]) -> Vec<u8> {
        self.0.resolver.lock().unwrap_or_else(PoisonError::into_inner).resolve(query)
    }

    fn blob(&self, blob: &Blob) -> io::Result<File> {
        self.0.assets.open(blob).map(Into::into).map_err(io::Error::other)
    }
}
