//! Laws of values: what one encoding says, the other says too, and nothing is lost in either.
use keploy_sdk::{
    Connection, Map, Mode, Peer, Side, Value,
    testing::{Effect, Recorder},
};
use parser_mysql::Conversation;
use proptest::prelude::*;

use crate::wire;

/// Columns and what their values are, in an order that rows below follow.
const TYPES: [&str; 9] = ["bigint", "tinyint", "double", "float", "datetime", "time", "date", "varchar", "year"];

fn column(kind: &str) -> Value {
    let column = Map::new().with("name", kind).with("type", kind).with("length", 20);
    match kind {
        "datetime" | "time" => column.with("decimals", 6).into(),
        "double" | "float" => column.with("decimals", 31).into(),
        _ => column.into(),
    }
}

fn row() -> impl Strategy<Value = Vec<Value>> {
    let clock = || (0..24_u32, 0..60_u32, 0..60_u32, 0..1_000_000_u32);
    let date = || (1..10_000_u32, 1..13_u32, 1..32_u32);
    let numbers = (any::<i64>(), any::<i8>(), any::<f64>(), any::<f32>());
    let times = (date(), clock(), any::<bool>(), 0..839_u32, clock());
    let rest = (date(), any::<String>(), any::<u16>());
    (numbers, times, rest).prop_map(|((big, tiny, double, float), times, ((y, m, d), text, year))| {
        let ((dy, dm, dd), (h, mi, s, us), negative, hours, (_, tm, ts, tus)) = times;
        let sign = if negative && hours + tm + ts + tus > 0 { "-" } else { "" };
        let short: f64 = float.to_string().parse().expect("a number reads back");
        vec![
            Value::Int(big.into()),
            Value::Int(tiny.into()),
            Value::Float(if double.is_finite() { double } else { 0.5 }),
            Value::Float(if float.is_finite() { short } else { 0.5 }),
            format!("{dy:04}-{dm:02}-{dd:02} {h:02}:{mi:02}:{s:02}.{us:06}").into(),
            format!("{sign}{hours:02}:{tm:02}:{ts:02}.{tus:06}").into(),
            format!("{y:04}-{m:02}-{d:02}").into(),
            Value::readable(text.into_bytes()),
            Value::Int(year.into()),
        ]
    })
}

proptest! {
    #[test]
    fn rows_come_back_from_both_encodings(row in row(), nulls in any::<[bool; 9]>()) {
        let some = row.into_iter().zip(nulls).map(|(value, null)| if null { Value::Null } else { value });
        let row: Vec<Value> = some.collect();
        let columns: Vec<Value> = TYPES.map(column).to_vec();
        let result = Map::new().with("columns", columns).with("rows", vec![Value::Array(row)]);
        for is_prepared in [false, true] {
            let mut mock = Mock::new();
            let (exchange, steps) = mock.ask(is_prepared);
            mock.conversation.answer(&mut mock.host, exchange, vec![result.clone().into()]).expect("can be written");
            let written = mock.written();
            prop_assert_eq!(read_again(&steps, &written), Value::from(result.clone()), "prepared: {}", is_prepared);
        }
    }
}

/// A mock, logged in to.
struct Mock {
    conversation: Conversation,
    host: Recorder,
    offset: u64,
}

/// Both sides' bytes, before the answer.
struct Steps(Vec<(Side, Vec<u8>)>);

impl Mock {
    fn new() -> Self {
        Self {
            conversation: Conversation::new(Mode::Mock, Peer::default(), Value::Null),
            host: Recorder::new(),
            offset: 0,
        }
    }

    /// Logs in, and asks for rows as text, or as a prepared statement does.
    fn ask(&mut self, is_prepared: bool) -> (u64, Steps) {
        let greeting = Map::new().with("version", "9").with("capabilities", wire::CAPABILITIES).with("auth", "native");
        let prepared = Map::new().with("prepared", Map::new());
        self.conversation.start(&mut self.host, 1).expect("starts");
        let mut steps = Vec::new();
        let mut say = |mock: &mut Self, bytes: Vec<u8>, answer: Option<Map>| {
            mock.conversation.feed(&mut mock.host, Side::Client, mock.offset, 1, &bytes).expect("is well");
            mock.offset += bytes.len() as u64;
            steps.push((Side::Client, bytes));
            let exchange = mock.opened();
            if let Some(answer) = answer {
                mock.conversation.answer(&mut mock.host, exchange, vec![answer.into()]).expect("can be written");
                steps.push((Side::Server, mock.written()));
            }
            exchange
        };
        let exchange = self.opened();
        let greeting = Map::new().with("greeting", greeting);
        self.conversation.answer(&mut self.host, exchange, vec![greeting.into()]).expect("can be written");
        let greeted = self.written();
        say(self, wire::log_in(), Some(Map::new().with("ok", Map::new())));
        let exchange = if is_prepared {
            say(self, wire::packet(0, b"\x16SELECT 1"), Some(prepared));
            say(self, wire::packet(0, b"\x17\x01\0\0\0\0\x01\0\0\0"), None)
        } else {
            say(self, wire::packet(0, b"\x03SELECT 1"), None)
        };
        steps.insert(0, (Side::Server, greeted));
        (exchange, Steps(steps))
    }

    fn opened(&mut self) -> u64 {
        match self.host.take().as_slice() {
            [.., Effect::Open { exchange, .. }] => *exchange,
            other => panic!("nothing is asked: {other:?}"),
        }
    }

    fn written(&mut self) -> Vec<u8> {
        let written = self.host.take().into_iter().filter_map(|effect| match effect {
            Effect::Write { data, .. } => Some(data),
            _ => None,
        });
        written.flatten().collect()
    }
}

/// The last response that is recorded of this conversation.
fn read_again(steps: &Steps, written: &[u8]) -> Value {
    let mut conversation = Conversation::new(Mode::Record, Peer::default(), Value::Null);
    let mut host = Recorder::new();
    let mut offsets = [0, 0];
    let answer = (Side::Server, written.to_vec());
    for (from, bytes) in steps.0.iter().chain([&answer]) {
        let offset = &mut offsets[usize::from(*from == Side::Server)];
        conversation.feed(&mut host, *from, *offset, 1, bytes).expect("is well");
        *offset += bytes.len() as u64;
    }
    let mut replies = host.take().into_iter().filter_map(|effect| match effect {
        Effect::Reply { response, .. } => Some(response),
        _ => None,
    });
    replies.next_back().expect("an answer is read")
}
