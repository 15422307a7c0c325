//! Records that members of a group get: what comes of them, which is said over another connection.
use keploy_sdk::{
    Connection, Instant, Map, Mode, Peer, Side, Value,
    testing::{Effect, Recorder},
};
use parser_kafka::Conversation;

const MS: Instant = 1_000_000;
const SECOND: Instant = 1000 * MS;

/// Frames of versions without compact lengths and tags.
fn frame(head: &[&[u8]]) -> Vec<u8> {
    let body = head.concat();
    [&u32::try_from(body.len()).expect("a short frame").to_be_bytes(), body.as_slice()].concat()
}

fn request(api: i16, version: i16, number: i32, body: &[&[u8]]) -> Vec<u8> {
    let head = [api.to_be_bytes(), version.to_be_bytes()].concat();
    frame(&[&head, &number.to_be_bytes(), &(-1_i16).to_be_bytes(), &body.concat()])
}

/// One topic with one partition, and what a request says of it.
fn of_orders(partition: &[&[u8]]) -> Vec<u8> {
    [&b"\0\0\0\x01\0\x06orders\0\0\0\x01\0\0\0\0"[..], &partition.concat()].concat()
}

const GROUP: &[u8] = b"\0\x08shipping";

fn fetch(number: i32, offset: i64) -> Vec<u8> {
    let head = b"\xff\xff\xff\xff\0\0\x01\xf4\0\0\0\x01\0\x10\0\0\0";
    request(1, 4, number, &[head, &of_orders(&[&offset.to_be_bytes(), b"\0\x10\0\0"])])
}

/// A record with a value of one byte at each of these offsets, in a batch of its own.
fn fetched(number: i32, offsets: &[i64]) -> Vec<u8> {
    let records: Vec<u8> = offsets.iter().flat_map(|offset| batch(*offset)).collect();
    let next = offsets.last().map_or(0, |last| last + 1).to_be_bytes();
    let length = u32::try_from(records.len()).expect("they are few").to_be_bytes();
    let partition = of_orders(&[b"\0\0", &next, &next, b"\xff\xff\xff\xff", &length, &records]);
    frame(&[&number.to_be_bytes(), b"\0\0\0\0", &partition])
}

fn batch(offset: i64) -> Vec<u8> {
    // No attributes, time and offset as the batch says, no key, a value, no headers.
    let record = b"\x0e\0\0\0\x01\x02v\0";
    let of_nobody = [0xff; 14];
    let checked = [&[0; 22][..], &of_nobody, &1_u32.to_be_bytes(), record].concat();
    let length = u32::try_from(9 + checked.len()).expect("it is short").to_be_bytes();
    [&offset.to_be_bytes()[..], &length, &[0; 4], b"\x02", &[0; 4], &checked].concat()
}

/// A connection, as it is recorded or mocked.
struct Talk {
    conversation: Conversation,
    host: Recorder,
    now: Instant,
    number: i32,
}

impl Talk {
    fn new(mode: Mode, config: Value) -> Self {
        Self {
            conversation: Conversation::new(mode, Peer::default(), config),
            host: Recorder::new(),
            now: 1,
            number: 0,
        }
    }

    fn feed(&mut self, from: Side, bytes: &[u8]) -> Vec<Effect> {
        self.conversation.feed(&mut self.host, from, 0, self.now, bytes).expect("it is well");
        self.host.take()
    }

    /// Of a coordinator's connection: what it tells when this has gone well.
    fn tells(&mut self, api: i16, version: i16, body: &[&[u8]], answer: &[u8]) -> Vec<Value> {
        self.number += 1;
        self.feed(Side::Client, &request(api, version, self.number, body));
        let effects = self.feed(Side::Server, &frame(&[&self.number.to_be_bytes(), answer]));
        let told = effects.into_iter().filter_map(|effect| match effect {
            Effect::Tell { message, .. } => Some(message),
            _ => None,
        });
        told.collect()
    }

    fn begins(&mut self) -> Vec<Value> {
        let answer = of_orders(&[&(-1_i64).to_be_bytes(), b"\0\0\0\0"]);
        self.tells(9, 1, &[GROUP, &of_orders(&[])], &answer)
    }

    fn commits(&mut self, next: i64) -> Vec<Value> {
        let head = [GROUP, b"\0\0\0\x01\0\x03m-1", &(-1_i64).to_be_bytes()].concat();
        self.tells(8, 2, &[&head, &of_orders(&[&next.to_be_bytes(), b"\0\0"])], &of_orders(&[b"\0\0"]))
    }

    fn hears(&mut self, told: Vec<Value>) -> Vec<Effect> {
        assert_eq!(told.len(), 1, "one thing is told");
        for message in told {
            self.conversation.send(&mut self.host, 0, message).expect("it is understood");
        }
        self.host.take()
    }

    /// What is recorded when records come.
    fn gets(&mut self, offsets: &[i64]) -> Vec<Effect> {
        self.number += 1;
        assert_eq!(self.feed(Side::Client, &fetch(self.number, offsets[0])), []);
        self.feed(Side::Server, &fetched(self.number, offsets))
    }

    fn ends(&mut self) -> Vec<Effect> {
        for side in [Side::Client, Side::Server] {
            self.conversation.end(&mut self.host, side, self.now).expect("it is well");
        }
        self.host.take()
    }
}

/// A member of a group: the connection that its records come over, and the coordinator's.
struct Member {
    records: Talk,
    group: Talk,
}

impl Member {
    fn new(config: Value) -> Self {
        let [mut records, mut group] = [config.clone(), config].map(|config| Talk::new(Mode::Record, config));
        assert_eq!(records.hears(group.begins()), []);
        Self { records, group }
    }

    fn gets(&mut self, offsets: &[i64]) -> Vec<Effect> {
        self.records.gets(offsets)
    }

    fn commits(&mut self, next: i64) -> Vec<Effect> {
        let told = self.group.commits(next);
        self.records.hears(told)
    }
}

fn works() -> Value {
    Map::new().with("commits", "work").into()
}

/// Of each test the offsets of its records, and what was committed.
type Tests = Vec<(Vec<i128>, i128)>;

/// What it comes to: the offsets of tests' records with what was committed, of mocks, and how many records are no tests.
#[track_caller]
fn outcome(effects: &[Effect]) -> (Tests, Vec<i128>, usize) {
    let number = |of: &Value, name: &str| of.get(name).and_then(Value::as_int).unwrap_or_default();
    let list = |of: &Value, name: &str| of.get(name).and_then(Value::as_array).unwrap_or_default().to_vec();
    let (mut tests, mut mocks, mut unsettled) = (Vec::new(), Vec::new(), 0);
    for effect in effects {
        match effect {
            Effect::OpenInbound { subject, request, exchange, .. } => {
                assert_eq!(subject, "orders/0");
                let offsets = list(request, "records").iter().map(|record| number(record, "offset")).collect();
                let replied = effects.iter().find_map(|effect| match effect {
                    Effect::Reply { exchange: of, response, .. } if of == exchange => Some(list(response, "offsets")),
                    _ => None,
                });
                if let Some(committed) = replied {
                    tests.push((offsets, number(&committed[0], "offset")));
                }
            }
            Effect::Open { request, .. } => mocks.push(number(request, "offset")),
            Effect::Abandon { .. } => unsettled += 1,
            _ => {}
        }
    }
    (tests, mocks, unsettled)
}

#[test]
fn what_a_commit_is_the_first_to_cover_is_a_test() {
    let mut member = Member::new(works());
    assert_eq!(member.gets(&[0, 1, 2]), []);
    assert_eq!(outcome(&member.commits(1)), (vec![(vec![0], 1)], vec![], 0));
    assert_eq!(outcome(&member.commits(3)), (vec![(vec![1, 2], 3)], vec![], 0));
    assert_eq!(member.commits(3), [], "nothing new");
    assert_eq!(outcome(&member.records.ends()), (vec![], vec![], 0));
}

#[test]
fn what_is_not_committed_is_what_comes_of_an_offset() {
    let mut member = Member::new(works());
    member.gets(&[0, 1, 2]);
    assert_eq!(outcome(&member.commits(2)), (vec![(vec![0, 1], 2)], vec![], 0));
    assert_eq!(outcome(&member.records.ends()), (vec![], vec![2], 1));
    let mut member = Member::new(works());
    member.gets(&[0]);
    assert_eq!(outcome(&member.records.ends()), (vec![], vec![0], 0), "it never commits, and nothing is told");
}

#[test]
fn without_a_word_in_keploy_yml_commits_mean_nothing() {
    let mut member = Member::new(Value::Null);
    assert_eq!(outcome(&member.gets(&[0])), (vec![], vec![0], 0), "at once");
    assert_eq!(member.commits(1), []);
}

#[test]
fn without_a_group_it_is_what_comes_of_an_offset() {
    let mut talk = Talk::new(Mode::Record, Value::Null);
    assert_eq!(outcome(&talk.gets(&[0])), (vec![], vec![0], 0));
}

/// A mock of what a member of a group is connected to.
fn mocked() -> (Talk, Value) {
    let record = Map::new().with("topic", "orders").with("partition", 0).with("offset", 7);
    let record = record.with("timestamp", 1).with("key", Value::Null).with("value", "v");
    let request = Map::new().with("api", "Fetch").with("records", Value::Array(vec![record.into()])).into();
    (Talk::new(Mode::Mock, Value::Null), request)
}

fn commit(next: i128) -> Value {
    let offset = Map::new().with("topic", "orders").with("partition", 0).with("next", Value::Int(next));
    let message = Map::new().with("group", "shipping").with("at", 3);
    message.with("offsets", Value::Array(vec![offset.into()])).into()
}

#[test]
fn records_come_when_they_are_sent_and_their_commit_is_the_outcome() {
    let (mut mock, request) = mocked();
    let effects = mock.feed(Side::Client, &fetch(1, 7));
    let served = |effect: &Effect| *effect == Effect::Serves { subject: "orders/0".to_owned() };
    assert!(effects.iter().any(served), "{effects:?}");
    let asked = effects.iter().find_map(|effect| match effect {
        Effect::Open { exchange, .. } => Some(*exchange),
        _ => None,
    });
    // Nothing else was recorded for this offset; it is told so.
    mock.conversation.miss(&mut mock.host, asked.expect("it is looked for"), "none").expect("it is well");
    mock.host.take();
    mock.conversation.send(&mut mock.host, 77, request).expect("it is taken");
    assert_eq!(mock.host.take(), [], "nobody waits for it");
    let given = |effects: &[Effect]| {
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Write { data, .. } if data.windows(2).any(|two| two == [2, b'v'])))
    };
    assert!(given(&mock.feed(Side::Client, &fetch(2, 7))));
    assert!(given(&mock.feed(Side::Client, &fetch(3, 7))), "who asks once more, gets it once more");
    assert_eq!(mock.hears(vec![commit(7)]), [], "that is not all");
    let effects = mock.hears(vec![commit(8)]);
    let [Effect::Reply { exchange: 77, at: 3, .. }, Effect::Close { exchange: 77 }] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert!(!given(&mock.feed(Side::Client, &fetch(4, 7))), "it is done");
}

#[test]
fn who_waits_for_records_gets_them_at_once() {
    let (mut mock, request) = mocked();
    for number in 1..=2 {
        let asked = mock.feed(Side::Client, &fetch(number, 7)).into_iter().find_map(|effect| match effect {
            Effect::Open { exchange, .. } => Some(exchange),
            _ => None,
        });
        if let Some(asked) = asked {
            mock.conversation.miss(&mut mock.host, asked, "none").expect("it is well");
            mock.host.take();
        }
        // It does not pause when it is told to, and is not busy.
        mock.now += SECOND;
    }
    mock.now += MS;
    assert_eq!(mock.feed(Side::Client, &fetch(3, 7)).len(), 1);
    mock.now += MS;
    assert_eq!(mock.feed(Side::Client, &fetch(4, 7)), [], "it waits");
    mock.conversation.send(&mut mock.host, 77, request).expect("it is taken");
    assert!(matches!(&mock.host.take()[..], [Effect::Write { .. }]));
}
