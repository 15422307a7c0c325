//! What the application sees when nothing recorded matches.
use keploy_sdk::{
    Connection, Mode, Peer, Side, Value,
    testing::{Effect, Recorder},
};
use parser_redis::Conversation;

struct Mock {
    conversation: Conversation,
    host: Recorder,
}

impl Mock {
    fn new() -> Self {
        Self { conversation: Conversation::new(Mode::Mock, Peer::default(), Value::Null), host: Recorder::new() }
    }

    /// The request that a line opens.
    fn ask(&mut self, line: &str) -> (u64, Value) {
        self.conversation.feed(&mut self.host, Side::Client, 0, 1, format!("{line}\r\n").as_bytes()).expect(line);
        match self.host.take().as_slice() {
            [Effect::Open { exchange, request, .. }] => (*exchange, request.clone()),
            other => panic!("{line}: {other:?}"),
        }
    }

    /// What is written when that misses.
    fn miss(&mut self, exchange: u64) -> Vec<Effect> {
        self.conversation.miss(&mut self.host, exchange, "no such\r\nrequest").expect("a miss can be written");
        self.host.take()
    }
}

#[test]
fn a_miss_is_an_error_on_one_line() {
    let mut mock = Mock::new();
    let (exchange, _) = mock.ask("GET a");
    let data = b"-ERR keploy: no such  request\r\n".to_vec();
    assert_eq!(mock.miss(exchange), [Effect::Write { to: Side::Client, data }]);
}

/// The client does not read an answer, so an error would be taken for the next one's.
#[test]
fn a_miss_is_silent_where_no_answer_is_read() {
    let mut mock = Mock::new();
    mock.ask("CLIENT REPLY OFF");
    let (exchange, _) = mock.ask("GET a");
    assert_eq!(mock.miss(exchange), []);
}

/// The application was told that it failed, so what follows is asked as if it had not been.
#[test]
fn what_missed_has_no_consequences() {
    let mut mock = Mock::new();
    for (asked, telling) in [("SELECT 3", "db"), ("MULTI", "queued"), ("HELLO 3", "protocol")] {
        let (exchange, _) = mock.ask(asked);
        mock.miss(exchange);
        let (_, request) = mock.ask("GET a");
        assert_eq!(request.get(telling), None, "after {asked}: {request:?}");
    }
}
