//! What is written is read back exactly, whatever it is.
use document::{Blob, Map, Value};
use proptest::{collection::vec, option, prelude::*};
use store::{
    Lifetime, Mock, Naming, Project, Record, Recording, Response, Sender, TestCase, TestSet, Upgrade, Upgraded,
};

/// Every kind is known, at one schema.
struct Known(u32);

impl Upgrade for Known {
    fn schema(&self, _kind: &str) -> Option<u32> {
        Some(self.0)
    }
    fn upgrade(&self, kind: &str, _schema: u32, _spec: &Value) -> Result<Vec<Upgraded>, String> {
        Err(format!("this {kind} is ours and today's"))
    }
}

/// What every test set here has in its assets: `hello`.
const HELLO: Blob = Blob {
    id: 0,
    size: 5,
    sha256: [
        0x2c, 0xf2, 0x4d, 0xba, 0x5f, 0xb0, 0xa3, 0x0e, 0x26, 0xe8, 0x3b, 0x2a, 0xc5, 0xb9, 0xe2, 0x9e, 0x1b, 0x16,
        0x1e, 0x5c, 0x1f, 0xa7, 0x42, 0x5e, 0x73, 0x04, 0x33, 0x62, 0x93, 0x8b, 0x98, 0x24,
    ],
};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::Float),
        "\\PC{0,12}".prop_map(|text| Value::readable(text.into_bytes())),
        Just(Value::from("2026-07-17T09:10:53Z")),
        vec(any::<u8>(), 0..12).prop_map(Value::Bytes),
        Just(Value::Blob(HELLO)),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let name = prop_oneof!["[a-z]{1,6}", Just("timestamp".to_owned()), Just("at".to_owned()), "\\PC{1,6}"];
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            vec((name, inner), 0..4).prop_map(|entries| Value::Map(entries.into_iter().collect::<Map>())),
        ]
    })
}

fn responses() -> impl Strategy<Value = Vec<Response>> {
    vec((value(), any::<u64>()).prop_map(|(body, at)| Response { body, at }), 0..4)
}

fn kind() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Za-z0-9-]{1,8}", Just("DNS".to_owned()), Just("Http".to_owned())]
}

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,16}"
}

prop_compose! {
    fn test_case()(
        kind in kind(),
        (class, connection) in (text(), text()),
        (request, responses) in (value(), responses()),
        (started, ended, app_port) in any::<(u64, u64, u16)>(),
        noise in proptest::collection::btree_map(text(), vec(text(), 0..3), 0..3),
        tls in option::of(text()),
        sender in option::of((text(), text())),
        assertions in vec(("status_[a-z]{1,4}", value()), 0..2),
    ) -> TestCase {
        let (noise, assertions) = (noise.into_iter().collect(), assertions.into_iter().collect());
        let schema = SCHEMA;
        let sender = sender.map(|(destination, subject)| Sender { destination, subject });
        let app_port = if sender.is_some() { 0 } else { app_port };
        TestCase {
            kind, schema, class, request, responses, started, ended, connection, app_port, tls, sender, noise, assertions,
            ..TestCase::default()
        }
    }
}

prop_compose! {
    fn mock()(
        kind in kind(),
        (class, connection, destination) in (text(), text(), text()),
        lifetime in prop_oneof![Just(Lifetime::Test), Just(Lifetime::Connection), Just(Lifetime::Session)],
        (request, responses) in (value(), responses()),
        (started, ended) in any::<(u64, u64)>(),
        (noise, noise_values) in (vec(text(), 0..3), vec(text(), 0..3)),
        unreachable in option::of("refused|timeout|reset"),
    ) -> Mock {
        let schema = SCHEMA;
        Mock {
            kind, schema, class, lifetime, destination, request, responses, started, ended, connection, noise,
            noise_values, unreachable, ..Mock::default()
        }
    }
}

const SCHEMA: u32 = 3;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn of_everything(tests in vec(test_case(), 0..6), mocks in vec(mock(), 0..6)) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let project = Project::open(directory.path(), None);
        let mut recording = Recording::create(&project, Naming::Sequential).expect("writable");
        let mut blob = recording.assets().write().expect("writable");
        blob.write(b"hello").expect("writable");
        prop_assert_eq!(blob.finish().expect("writable"), HELLO);
        for mock in &mocks {
            recording.journal().mock(mock.clone());
        }
        for test in &tests {
            recording.journal().test(test.clone());
        }
        // Names count from 1 and from 0, as the journal gives them.
        let mut tests: Vec<_> = (1..).zip(tests).map(|(n, test)| TestCase { name: format!("test-{n}"), ..test }).collect();
        let mocks: Vec<_> = (0..).zip(mocks).map(|(n, mock)| Mock { name: format!("mock-{n}"), ..mock }).collect();
        let mut journaled = Vec::new();
        recording.for_each(&mut |record| journaled.push(record.clone())).expect("readable");
        let wanted = mocks.iter().cloned().map(Record::Mock).chain(tests.iter().cloned().map(Record::Test));
        prop_assert_eq!(journaled, wanted.collect::<Vec<_>>());

        let finished = recording.finish(None, &[]).expect("writable");
        let mut loaded = TestSet::load(&finished.directory, &Known(SCHEMA))
            .map_err(|errors| TestCaseError::fail(errors[0].to_string()))?;
        loaded.tests.iter_mut().for_each(|test| test.source = Default::default());
        loaded.mocks.iter_mut().for_each(|mock| mock.source = Default::default());
        tests.sort_by_key(|test| test.started);
        prop_assert_eq!(loaded.tests, tests);
        prop_assert_eq!(loaded.mocks, mocks);
    }
}
