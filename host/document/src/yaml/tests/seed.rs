//! Real files of the seed system (and a few shapes from its documentation) are read, and survive being written by us.

use crate::{
    Value,
    yaml::{emit, parse_all},
};

macro_rules! seed {
    ($($name:ident $file:literal $count:literal;)*) => {
        $(#[test]
        fn $name() {
            let documents = parse_all(include_str!(concat!("../../../tests/seed/", $file))).unwrap();
            assert_eq!(documents.len(), $count);
            for document in documents {
                let again = parse_all(&emit(&document.value)).unwrap();
                assert_eq!(again[0].value, document.value);
            }
        })*
    };
}

seed! {
    http_test "http-test.yaml" 1;
    http_mock "http-mock.yaml" 1;
    http_events_test "http-events-test.yaml" 1;
    http_events_list "http-events-list.yaml" 1;
    grpc_test "grpc-test.yaml" 1;
    grpc_mock "grpc-mock.yaml" 1;
    mysql_handshake_mock "mysql-handshake-mock.yaml" 1;
    mysql_query_mock "mysql-query-mock.yaml" 1;
    postgres_session_mock "postgres-session-mock.yaml" 1;
    postgres_transaction_mocks "postgres-transaction-mocks.yaml" 3;
    postgres_query_mock "postgres-query-mock.yaml" 1;
    postgres_legacy_mock "postgres-legacy-mock.yaml" 1;
    mongo_config_mock "mongo-config-mock.yaml" 1;
    mongo_message_mock "mongo-message-mock.yaml" 1;
    redis_mocks "redis-mocks.yaml" 2;
    generic_mock "generic-mock.yaml" 1;
    dns_mocks "dns-mocks.yaml" 2;
    mappings "mappings.yaml" 1;
    report "report.yaml" 1;
    report_risk "report-risk.yaml" 1;
    coverage "coverage.yaml" 1;
    test_set_config "test-set-config.yaml" 1;
}

fn at(value: &Value, path: &str) -> Value {
    let step = |value: Value, name: &str| match name.parse::<usize>() {
        Ok(index) => value.as_array().unwrap()[index].clone(),
        Err(_) => value.get(name).unwrap().clone(),
    };
    path.split('.').fold(value.clone(), step)
}

#[test]
fn values_are_what_the_seed_system_meant() {
    let first = |text: &str| parse_all(text).unwrap().remove(0);

    let test = first(include_str!("../../../tests/seed/http-test.yaml"));
    assert_eq!(test.line, 2);
    assert_eq!(at(&test.value, "spec.req.header.Content-Length"), "33".into());
    assert_eq!(at(&test.value, "spec.req.timestamp"), "2026-07-17T09:10:53.449166379Z".into());
    assert_eq!(at(&test.value, "spec.resp.status_code"), 201.into());
    let Value::Text(body) = at(&test.value, "spec.resp.body") else { panic!("a text") };
    assert!(body.starts_with("{\"code\"") && body.ends_with("true}\n"));
    let noise = at(&test.value, "spec.assertions.noise");
    assert_eq!(noise.get("header.Date"), Some(&Value::Array(vec![])));

    let query = first(include_str!("../../../tests/seed/postgres-query-mock.yaml"));
    assert_eq!(at(&query.value, "spec.postgresV3.query.bindValues.1"), Value::Bytes(b"generated".to_vec()));
    let Value::Text(sql) = at(&query.value, "spec.postgresV3.query.sqlNormalized") else { panic!("a text") };
    assert!(sql.contains("links\n\t\t WHERE"));

    let legacy = first(include_str!("../../../tests/seed/mysql-query-mock.yaml"));
    let sql = at(&legacy.value, "spec.requests.0.message.query");
    assert_eq!(sql, "\0\u{1}SELECT @@session.transaction_read_only".into());

    let session = first(include_str!("../../../tests/seed/postgres-session-mock.yaml"));
    assert_eq!(at(&session.value, "spec.postgresV3.session.parameterStatus.is_superuser"), "on".into());

    let redis = first(include_str!("../../../tests/seed/redis-mocks.yaml"));
    assert_eq!(at(&redis.value, "spec.redisresponses.0.message.0.data"), "+OK\r\n".into());
}
