//! Who takes what a dependency sends of itself: connections of the application's on which it has said so (a consumer of a
//! queue), and the way from whoever drives a test to the task of such a connection.
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    time::{Instant, timeout_at},
};

use crate::{ConnectionInfo, DriveError, Driven, told::Told};

/// The takers of a replay.
pub struct Takers {
    state: Mutex<State>,
    /// Told whenever there is a new one.
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    takers: Vec<Taker>,
    /// What was sent so far.
    sent: u64,
    /// All connections that a parser answers.
    members: Vec<Member>,
    told: Told,
}

/// A connection, as others of its parser know it.
struct Member {
    connection: u64,
    protocol: String,
    sending_tx: mpsc::UnboundedSender<Sending>,
}

struct Taker {
    connection: Arc<ConnectionInfo>,
    subject: String,
    sending_tx: mpsc::UnboundedSender<Sending>,
    /// What had been sent when it got something last.
    served: u64,
}

/// driver --what was recorded--> the connection's task; another connection's task --what it tells--> the connection's task
pub(crate) struct Sending {
    /// CBOR, with the live values in it.
    pub request: Arc<Vec<u8>>,
    /// the connection's task --what comes of it--> driver; dropped: the connection is gone. None: it was told, and nothing
    /// comes of it.
    pub outcome_tx: Option<mpsc::UnboundedSender<Outcome>>,
}

/// What comes of what was sent.
pub(crate) enum Outcome {
    /// CBOR, and when.
    Response(Vec<u8>, u64),
    Complete,
    /// Nothing will, and why.
    Lost(String),
}

/// Where to something is sent.
pub struct Address<'a> {
    pub subject: &'a str,
    /// Is this a connection to the dependency that sent it?
    pub is_there: &'a (dyn Fn(&ConnectionInfo) -> bool + Sync),
}

impl Default for Takers {
    fn default() -> Self {
        Self { state: Mutex::default(), changed: watch::Sender::new(()) }
    }
}

impl Takers {
    /// Waits until somebody takes what is sent there.
    pub async fn served(&self, address: &Address<'_>) {
        self.find(address).await;
    }

    /// Sends what was recorded, and waits until the parser says what has come of it. `request` is CBOR.
    ///
    /// # Errors
    /// When nobody takes it within `patience`, or nothing comes of it within `limit`.
    pub async fn send(
        &self,
        address: &Address<'_>,
        request: Vec<u8>,
        patience: Duration,
        limit: Duration,
    ) -> Result<Driven, DriveError> {
        let found = tokio::time::timeout(patience, self.find(address)).await;
        let sending_tx = found.map_err(|_| DriveError::NobodyTakes(address.subject.to_owned(), patience))?;
        let (outcome_tx, mut outcome_rx) = mpsc::unbounded_channel();
        let gone = || DriveError::Closed(" on which it was to take it".to_owned());
        sending_tx.send(Sending { request: request.into(), outcome_tx: Some(outcome_tx) }).map_err(|_| gone())?;
        let mut driven = Driven::default();
        let deadline = Instant::now() + limit;
        while !driven.complete {
            let outcome = timeout_at(deadline, outcome_rx.recv()).await;
            match outcome.map_err(|_| DriveError::Timeout(limit))?.ok_or_else(gone)? {
                Outcome::Response(response, at) => driven.responses.push((response, at)),
                Outcome::Complete => driven.complete = true,
                Outcome::Lost(why) => return Err(DriveError::Lost(why)),
            }
        }
        Ok(driven)
    }

    /// Of several takers, as brokers do, the one that had nothing for the longest time.
    async fn find(&self, address: &Address<'_>) -> mpsc::UnboundedSender<Sending> {
        let mut changed_rx = self.changed.subscribe();
        loop {
            if let Some(found) = self.next(address) {
                return found;
            }
            // The sender is ours: it does not go.
            let _ = changed_rx.changed().await;
        }
    }

    fn next(&self, address: &Address<'_>) -> Option<mpsc::UnboundedSender<Sending>> {
        let State { takers, sent, .. } = &mut *self.state();
        let takes = |taker: &&mut Taker| taker.subject == address.subject && (address.is_there)(&taker.connection);
        let taker = takers.iter_mut().filter(takes).min_by_key(|taker| taker.served)?;
        *sent += 1;
        taker.served = *sent;
        Some(taker.sending_tx.clone())
    }

    pub(crate) fn add(
        &self,
        connection: &Arc<ConnectionInfo>,
        subject: String,
        sending_tx: mpsc::UnboundedSender<Sending>,
    ) {
        let connection = connection.clone();
        self.state().takers.push(Taker { connection, subject, sending_tx, served: 0 });
        self.changed.send_replace(());
    }

    pub(crate) fn remove(&self, connection: u64, subject: &str) {
        let takers = &mut self.state().takers;
        let is_it = |taker: &Taker| taker.connection.id == connection && taker.subject == subject;
        if let Some(at) = takers.iter().position(is_it) {
            takers.remove(at);
        }
    }

    /// The connection is over.
    pub(crate) fn remove_all(&self, connection: u64) {
        let State { takers, members, .. } = &mut *self.state();
        takers.retain(|taker| taker.connection.id != connection);
        members.retain(|member| member.connection != connection);
    }

    /// A parser answers this connection from now on; it hears what others of that parser have told.
    pub(crate) fn join(&self, connection: u64, protocol: &str, sending_tx: mpsc::UnboundedSender<Sending>) {
        let State { members, told, .. } = &mut *self.state();
        for request in told.of(protocol) {
            // It is the caller's own.
            let _ = sending_tx.send(Sending { request, outcome_tx: None });
        }
        members.push(Member { connection, protocol: protocol.to_owned(), sending_tx });
    }

    /// Tells the other connections of a parser. `message` is CBOR.
    pub(crate) fn tell(&self, connection: u64, protocol: &str, subject: String, message: Arc<Vec<u8>>) {
        let State { members, told, .. } = &mut *self.state();
        for member in members.iter().filter(|member| member.protocol == protocol && member.connection != connection) {
            // One that has just ended needs to know nothing.
            let _ = member.sending_tx.send(Sending { request: message.clone(), outcome_tx: None });
        }
        told.keep(protocol, subject, message);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Direction;

    fn connection(id: u64) -> Arc<ConnectionInfo> {
        let address = ([127, 0, 0, 1], 5672).into();
        let host = "127.0.0.1".to_owned();
        Arc::new(ConnectionInfo { id, socket: id, direction: Direction::Outgoing, address, host, tls: None })
    }

    fn everywhere(subject: &str) -> Address<'_> {
        Address { subject, is_there: &|_| true }
    }

    #[tokio::test]
    async fn takers_of_one_subject_take_turns() {
        let takers = Takers::default();
        let mut taken: Vec<_> = (1..=2)
            .map(|id| {
                let (sending_tx, sending_rx) = mpsc::unbounded_channel();
                takers.add(&connection(id), "jobs".to_owned(), sending_tx);
                sending_rx
            })
            .collect();
        for _ in 0..4 {
            let sending_tx = takers.find(&everywhere("jobs")).await;
            let (outcome_tx, _) = mpsc::unbounded_channel();
            assert!(sending_tx.send(Sending { request: Arc::default(), outcome_tx: Some(outcome_tx) }).is_ok());
        }
        assert_eq!(taken.iter_mut().map(|sending_rx| sending_rx.len()).collect::<Vec<_>>(), [2, 2]);
    }

    #[test]
    fn connections_of_one_parser_are_told_what_others_say() {
        let takers = Takers::default();
        let join = |id, protocol| {
            let (sending_tx, sending_rx) = mpsc::unbounded_channel();
            takers.join(id, protocol, sending_tx);
            sending_rx
        };
        let mut rxs = [join(1, "A"), join(2, "A"), join(3, "B")];
        takers.tell(1, "A", "x".to_owned(), b"first".to_vec().into());
        takers.tell(1, "A", "x".to_owned(), b"last".to_vec().into());
        let mut heard: Vec<Vec<Vec<u8>>> = Vec::new();
        let mut late = join(4, "A");
        for sending_rx in rxs.iter_mut().chain([&mut late]) {
            heard.push(
                std::iter::from_fn(|| sending_rx.try_recv().ok()).map(|sending| sending.request.to_vec()).collect(),
            );
        }
        assert_eq!(heard, [vec![], vec![b"first".to_vec(), b"last".to_vec()], vec![], vec![b"last".to_vec()]]);
        takers.remove_all(2);
        takers.tell(1, "A", "x".to_owned(), b"more".to_vec().into());
        assert!(rxs[1].try_recv().is_err(), "it is gone");
    }

    #[tokio::test]
    async fn what_nobody_takes_is_named() {
        let takers = Takers::default();
        let (sending_tx, _sending_rx) = mpsc::unbounded_channel();
        takers.add(&connection(1), "jobs".to_owned(), sending_tx);
        let second = Duration::from_secs(1);
        let send = async |subject| takers.send(&everywhere(subject), Vec::new(), Duration::ZERO, second).await;
        assert!(matches!(send("others").await, Err(DriveError::NobodyTakes(subject, _)) if subject == "others"));
        takers.remove(1, "jobs");
        assert!(matches!(send("jobs").await, Err(DriveError::NobodyTakes(..))));
    }

    #[tokio::test]
    async fn what_comes_of_it_comes_back() {
        let takers = Takers::default();
        let (sending_tx, mut sending_rx) = mpsc::unbounded_channel();
        takers.add(&connection(1), "jobs".to_owned(), sending_tx);
        let address = everywhere("jobs");
        let (patience, limit) = (Duration::ZERO, Duration::from_secs(60));
        let send = || takers.send(&address, b"message".to_vec(), patience, limit);
        let mut settle = async |outcomes: Vec<Outcome>| {
            let Sending { request, outcome_tx } = sending_rx.recv().await.expect("it was sent");
            assert_eq!(*request, b"message");
            let outcome_tx = outcome_tx.expect("somebody waits");
            for outcome in outcomes {
                assert!(outcome_tx.send(outcome).is_ok(), "it is waited for");
            }
        };
        let outcomes = vec![Outcome::Response(b"ack".to_vec(), 7), Outcome::Complete];
        let (driven, ()) = tokio::join!(send(), settle(outcomes));
        assert_eq!(driven.expect("it was settled").responses, [(b"ack".to_vec(), 7)]);
    }
}
