//! What the application sees when nothing recorded matches.
use keploy_sdk::{
    Connection, Exchange, Mode, Peer, Side, Value,
    testing::{Effect, Recorder},
};
use parser_kafka::Conversation;

/// A request of an old form: no compact lengths, no tags.
fn request(api: i16, version: i16, number: i32, body: &[u8]) -> Vec<u8> {
    let no_name = (-1_i16).to_be_bytes();
    let head = [api.to_be_bytes(), version.to_be_bytes()].concat();
    let frame = [&head, number.to_be_bytes().as_slice(), &no_name, body].concat();
    [&u32::try_from(frame.len()).expect("a short frame").to_be_bytes(), frame.as_slice()].concat()
}

const MS: u64 = 1_000_000;

struct Mock {
    conversation: Conversation,
    host: Recorder,
    now: u64,
}

impl Mock {
    fn new() -> Self {
        let conversation = Conversation::new(Mode::Mock, Peer::default(), Value::Null);
        Self { conversation, host: Recorder::new(), now: 1 }
    }

    /// What is opened, and what is written meanwhile.
    fn ask(&mut self, bytes: &[u8]) -> (Vec<Exchange>, Vec<u8>) {
        self.conversation.feed(&mut self.host, Side::Client, 0, self.now, bytes).expect("it is well");
        let effects = self.host.take();
        let opened = effects.iter().filter_map(|effect| match effect {
            Effect::Open { exchange, .. } => Some(*exchange),
            _ => None,
        });
        (opened.collect(), written(&effects))
    }

    fn miss(&mut self, exchange: Exchange) -> Vec<u8> {
        self.conversation.miss(&mut self.host, exchange, "no such call").expect("a miss can be written");
        written(&self.host.take())
    }
}

fn written(effects: &[Effect]) -> Vec<u8> {
    let data = effects.iter().filter_map(|effect| match effect {
        Effect::Write { to: Side::Client, data } => Some(data.as_slice()),
        _ => None,
    });
    data.collect::<Vec<_>>().concat()
}

/// Members of a group commit and live when they please.
#[test]
fn a_member_that_goes_on_is_told_that_all_is_well() {
    let mut mock = Mock::new();
    let (opened, _) = mock.ask(&request(12, 1, 7, b"\0\x01g\0\0\0\x05\0\x01m"));
    // Number 7, no throttling, no error.
    assert_eq!(mock.miss(opened[0]), b"\0\0\0\x0a\0\0\0\x07\0\0\0\0\0\0");
}

/// A member of a group of the new kind has joined elsewhere, perhaps.
#[test]
fn a_member_of_the_new_kind_is_told_that_it_is_one() {
    let mut mock = Mock::new();
    // Without tags in the header: version 0 of the API has them, so an empty set is there.
    let rest = b"\0\0\xff\xff\xff\xff\0\0\0\0";
    let body = [b"\0\x02g\x02m\0\0\0\x05".as_slice(), rest].concat();
    let (opened, said) = mock.ask(&request(68, 0, 7, &body));
    assert_eq!(opened, [], "nobody is asked");
    // Number 7, no tags, no throttling, no error, no message; m, in epoch 5, every 5,000 ms; nothing new.
    assert_eq!(said, b"\0\0\0\x18\0\0\0\x07\0\0\0\0\0\0\0\0\x02m\0\0\0\x05\0\0\x13\x88\xff\0");
}

#[test]
fn other_requests_fail() {
    let mut mock = Mock::new();
    let (opened, _) = mock.ask(&request(26, 1, 7, b"\0\x01t\0\0\0\0\0\0\0\x01\0\x01\x01"));
    // EndTxn: UNKNOWN_SERVER_ERROR.
    assert_eq!(mock.miss(opened[0]), b"\0\0\0\x0a\0\0\0\x07\0\0\0\0\xff\xff");
}

fn fetch(number: i32) -> Vec<u8> {
    let partition = b"\0\0\0\0\0\0\0\0\0\0\0\x09\0\0\x10\0";
    let head = b"\xff\xff\xff\xff\0\0\x01\xf4\0\0\0\x01\0\x01\0\0\0\0\0\0\x01\0\x01t\0\0\0\x01";
    request(1, 4, number, &[head.as_slice(), partition].concat())
}

#[test]
fn a_consumer_that_pauses_when_told_to_is_told_whenever_it_asks() {
    let mut mock = Mock::new();
    let (opened, _) = mock.ask(&fetch(1));
    assert_eq!(mock.miss(opened[0])[4..12], *b"\0\0\0\x01\0\0\0\x64", "there is nothing, ask in 100 ms");
    for number in 2..20 {
        mock.now += 100 * MS;
        let (opened, answer) = mock.ask(&fetch(number));
        assert_eq!((opened.len(), &answer[4..8]), (0, &number.to_be_bytes()[..]));
    }
}

/// Empty answers would be asked for again at once. But brokers answer in order.
#[test]
fn another_waits_for_what_never_came_until_it_asks_for_something_else() {
    let mut mock = Mock::new();
    let (opened, _) = mock.ask(&fetch(1));
    mock.miss(opened[0]);
    for number in 2..500 {
        mock.now += MS;
        assert_ne!(mock.ask(&fetch(number)).1, b"", "it may have begun with less than it wants");
    }
    mock.now += 10 * MS;
    assert_eq!(mock.ask(&fetch(500)), (vec![], vec![]), "it waits");
    let (opened, answer) = mock.ask(&request(12, 1, 501, b"\0\x01g\0\0\0\x05\0\x01m"));
    assert_eq!((opened.len(), &answer[4..8]), (1, &500_i32.to_be_bytes()[..]));
}

/// Some clients insist on it.
#[test]
fn answers_come_in_the_order_of_their_requests() {
    let mut mock = Mock::new();
    let heartbeat = |number| request(12, 1, number, b"\0\x01g\0\0\0\x05\0\x01m");
    let (first, _) = mock.ask(&heartbeat(1));
    let (second, _) = mock.ask(&heartbeat(2));
    assert_eq!(mock.miss(second[0]), b"");
    let both = mock.miss(first[0]);
    assert_eq!((&both[4..8], &both[18..22]), (&b"\0\0\0\x01"[..], &b"\0\0\0\x02"[..]));
}

/// A client of SCRAM would not believe a broker that does not know its password.
#[test]
fn who_logs_in_with_a_password_that_is_not_known_is_told_so() {
    let mut mock = Mock::new();
    let (opened, _) = mock.ask(&request(17, 1, 1, b"\0\x0dSCRAM-SHA-256"));
    mock.miss(opened[0]);
    let said = b"n,,n=ada,r=abc";
    let step = [&[0, 0, 0, u8::try_from(said.len()).expect("it is short")], said.as_slice()].concat();
    let (opened, _) = mock.ask(&request(36, 0, 2, &step));
    let answer = mock.miss(opened[0]);
    let why = "keploy: the application logs in as ada, and wants a proof for which its password is needed";
    let length = u8::try_from(why.len()).expect("it is short");
    // Number 2, SASL_AUTHENTICATION_FAILED, why, and no proof.
    let body = [&[0, 0, 0, 2, 0, 58, 0, length], why.as_bytes(), &[0; 4]].concat();
    assert_eq!(String::from_utf8_lossy(&answer[4..]), String::from_utf8_lossy(&body));
    assert!(mock.host.logged[0].1.contains("\nhint: put it into keploy.yml as plugins.Kafka.password"));
}
