//! What is a secret, what is none, and that documents come back as they were.
use document::{Map, Value};

use super::*;

/// What becomes of a text, with the values it lost.
fn found(text: &str) -> (String, Vec<String>) {
    let mut vault = Vault::default();
    let mut value = Value::from(text);
    find(&mut value, &Rules::default(), &mut vault, "");
    let values = vault.entries().iter().filter_map(|entry| entry.value.clone()).collect();
    (value.as_str().expect("still a text").to_owned(), values)
}

/// The same, of a map with one entry.
fn beside(name: &str, text: &str) -> String {
    let mut value = Value::Map(Map::new().with(name, text));
    find(&mut value, &Rules::default(), &mut Vault::default(), "");
    value.get(name).and_then(Value::as_str).expect("still a text").to_owned()
}

#[test]
fn by_shape() {
    const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let (text, values) = found(JWT);
    assert_eq!(text, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.keploy-secret-jwt-1", "its claims stay readable");
    assert_eq!(values, ["dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"]);
    let keys = [
        ("aws-access-key", "AKIAIOSFODNN7EXAMPLE".replace("EXAMPLE", "ABCDEFG")),
        ("github-token", format!("ghp_{}", "aB3".repeat(12))),
        ("stripe-key", format!("sk_live_{}", "4eC39HqLyjWDarjt")),
        ("slack-token", "xoxb-123456789012-abcdefABCDEF".to_owned()),
        ("google-key", format!("AIza{}", "Sy0aB".repeat(7))),
        ("card-number", "4111111111111111".to_owned()),
        ("card-number", "5555-5555-5555-4444".to_owned()),
        ("card-number", "378282246310005".to_owned()),
    ];
    for (label, key) in keys {
        assert_eq!(found(&format!("a {key} b")).0, format!("a keploy-secret-{label}-1 b"), "{key}");
    }
    let pem = format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----", "MIIE".repeat(20));
    assert_eq!(
        found(&format!("{{\"pem\": \"{}\"}}", pem.replace('\n', "\\n"))).0,
        "{\"pem\": \"keploy-secret-private-key-1\"}"
    );
    assert_eq!(found("postgres://app:s3cret@db/x").0, "postgres://app:keploy-secret-url-password-1@db/x");
}

#[test]
fn no_secrets() {
    for text in [
        "550e8400-e29b-41d4-a716-446655440000",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "W/\"31-RSWLzta9RAquoHRNRt/jwk0o5Bw\"",
        "1721977842123456",
        "4111111111111112",
        "4000000000000000",
        "{\"token_type\": \"bearer\", \"expires_in\": 3600, \"id\": 4242}",
        "{\"errors\": {\"password\": \"must be at least 8 characters\"}}",
        "{\"password\": [\"This field is required.\"]}",
        "{\"next_page_token\": \"CAUQAA\", \"etag\": \"33a64df551425fcc55e4d42a148795d9f25f89d4\"}",
        "{\"grant_type\": \"password\", \"password\": null, \"token\": \"\"}",
        "update users set password = $1 where id = $2",
        "select id, password, token from users where token = ?",
        "/search?q=token&page=2&key=name",
        "https://user@example.com/a:b@c",
        "key=value&tokens=3",
    ] {
        assert_eq!(found(text), (text.to_owned(), vec![]));
    }
    for (name, text) in [
        ("ETag", "\"33a64df551425fcc55e4d42a148795d9f25f89d4\""),
        ("X-Request-Id", "550e8400-e29b-41d4-a716-446655440000"),
        ("Idempotency-Key", "7b1c9f0e2d3a4b5c"),
        ("Cookie", "theme=dark; lang=en-US"),
        ("WWW-Authenticate", "Bearer realm=\"api\""),
        ("Authorization", "Bearer"),
        ("token_type", "bearer"),
        ("text", "Dear all,\nToken: the one you were given"),
        ("password", "********"),
        ("password", "{{string .secret.Password }}"),
        ("pin", "board"),
        ("args", "token"),
    ] {
        assert_eq!(beside(name, text), text, "{name}");
    }
    let columns = vec![Value::from("id"), "password".into(), "created_at".into()];
    let mut value = Value::Array(columns.clone());
    find(&mut value, &Rules::default(), &mut Vault::default(), "");
    assert_eq!(value, Value::Array(columns));
}

#[test]
fn by_name() {
    for (name, text, expected) in [
        ("Authorization", "Bearer abc", "Bearer keploy-secret-authorization-1"),
        ("authorization", "raw-key-1", "keploy-secret-authorization-1"),
        ("Proxy-Authorization", "Basic YW5uOmh1bnRlcjI=", "Basic keploy-secret-proxy-authorization-1"),
        ("Cookie", "sid=abc; theme=dark", "sid=keploy-secret-cookie-sid-1; theme=dark"),
        (
            "Set-Cookie",
            "session=0123456789abcdef; Path=/; HttpOnly",
            "session=keploy-secret-cookie-session-1; Path=/; HttpOnly",
        ),
        ("X-Api-Key", "k", "keploy-secret-x-api-key-1"),
        ("password", "hunter2", "keploy-secret-password-1"),
        ("url", "/reset?token=a%2Fb&x=1", "/reset?token=keploy-secret-token-1-url&x=1"),
        ("body", "user=ann&password=p%40ss&x=1", "user=ann&password=keploy-secret-password-1-url&x=1"),
        (
            "body",
            "{\"user\": \"ann\",\n \"password\" : \"a\\\"b\"}",
            "{\"user\": \"ann\",\n \"password\" : \"keploy-secret-password-1-json\"}",
        ),
        ("body", "{\"card\": {\"cvv\": 123}}", "{\"card\": {\"cvv\": \"keploy-secret-cvv-1\"}}"),
        ("body", "{\"number\": 4111111111111111}", "{\"number\": \"keploy-secret-card-number-1\"}"),
        (
            "body",
            "{\"event\": \"{\\\"apiKey\\\": \\\"abc\\\"}\"}",
            "{\"event\": \"{\\\"apiKey\\\": \\\"keploy-secret-apikey-1\\\"}\"}",
        ),
        ("query", "update users set password = 'hunter2'", "update users set password = 'keploy-secret-password-1'"),
        (
            "text",
            "GET / HTTP/1.1\r\nX-Api-Key: abc\r\n\r\n",
            "GET / HTTP/1.1\r\nX-Api-Key: keploy-secret-x-api-key-1\r\n\r\n",
        ),
    ] {
        assert_eq!(beside(name, text), expected);
    }
}

#[test]
fn a_known_value_is_hidden_wherever_it_stands() {
    let mut vault = Vault::default();
    let session = "3f2a9c0d1e4b5a6978";
    let mut login: Value = Map::new().with("Set-Cookie", format!("session={session}; Path=/")).into();
    let mut call: Value =
        vec![Value::from("SET"), format!("session:{session}").into(), Value::Bytes(format!("x{session}").into_bytes())]
            .into();
    let (login_before, call_before) = (login.clone(), call.clone());
    find(&mut login, &Rules::default(), &mut vault, "login-1");
    find(&mut call, &Rules::default(), &mut vault, "mock-1");
    vault.hide(&mut call);
    assert_eq!(call.as_array().map(|items| items[1].clone()), Some("session:keploy-secret-cookie-session-1".into()));
    assert_eq!(vault.entries()[0].at, "login-1 Set-Cookie");
    for (mut document, before) in [(login, login_before), (call, call_before)] {
        vault.restore(&mut document);
        assert_eq!(document, before);
    }
}

#[test]
fn what_tells_too_little_is_replaced_in_its_place_only() {
    let mut vault = Vault::default();
    let mut document: Value = Map::new().with("user", "admin").with("password", "admin").into();
    find(&mut document, &Rules::default(), &mut vault, "");
    vault.hide(&mut document);
    assert_eq!(document, Map::new().with("user", "admin").with("password", "keploy-secret-password-1").into());
}

#[test]
fn a_basic_password_is_known_elsewhere() {
    let mut vault = Vault::default();
    let mut header: Value = Map::new().with("Authorization", "Basic YW5uOmh1bnRlcjI=").into();
    find(&mut header, &Rules::default(), &mut vault, "");
    assert_eq!(vault.hidden("login ann hunter2").as_deref(), Some("login ann keploy-secret-password-1"));
}

#[test]
fn without_values_there_are_stand_ins() {
    let mut vault = Vault::default();
    let secrets = [
        "0123456789abcdef0123456789abcdef",
        "550e8400-e29b-41d4-a716-446655440000",
        "sk_live_4eC39HqLyjWDarjt",
        "hunter2",
        "123456789012",
        "aB3aB3aB3aB3aB3aB3aB3-_aB3",
    ];
    let names: Vec<String> = secrets.iter().map(|secret| vault.place("x", secret, None, "")).collect();
    let lost = Vault::new(vault.entries().iter().map(|entry| Entry { value: None, ..entry.clone() }));
    for (name, secret) in names.iter().zip(secrets) {
        let mut document = Value::from(format!("a {name} b"));
        lost.restore(&mut document);
        let text = document.as_str().expect("a text").to_owned();
        let stand_in = text.strip_prefix("a ").and_then(|text| text.strip_suffix(" b")).expect("only the name changes");
        assert_ne!(stand_in, secret);
        if secret != "hunter2" {
            assert_eq!(Shape::of(stand_in), Shape::of(secret));
        }
        lost.hide(&mut document);
        assert_eq!(document, format!("a {name} b").as_str().into(), "written again, it is the placeholder");
    }
    let card = Shape::Card(16).stand_in("x");
    assert_eq!((card.len(), crate::shape::luhn(&card)), (16, true));
    for shape in ["text", "number", "uuid", "basic", "digits 12", "card 16", "hex 32", "HEX 16", "token 24 sk_live_"] {
        assert_eq!(shape.parse::<Shape>().map(|parsed| parsed.to_string()), Ok(shape.to_owned()));
    }
}

#[test]
fn a_placeholder_has_no_secret_in_it() {
    let mut vault = Vault::default();
    let mut document: Value = Map::new().with("password", "token-1a").with("token", "password-1").into();
    let before = document.clone();
    find(&mut document, &Rules::default(), &mut vault, "");
    vault.hide(&mut document);
    assert_eq!(document.get("password"), Some(&"keploy-secret-password-1".into()));
    vault.restore(&mut document);
    assert_eq!(document, before);
}

#[test]
fn a_tests_name_has_it_in_small_letters() {
    let mut vault = Vault::default();
    let name = vault.place("token", "AbC-dEf_12", None, "");
    assert_eq!(vault.hidden("get-reset-abc-def-12-1"), Some(format!("get-reset-{name}-slug-1")));
}

/// A stand-in is spelled alike everywhere, and its placeholders are not.
#[test]
fn other_spellings_are_stood_in_for_too() {
    let entry = Entry { name: "keploy-secret-password-1".into(), value: None, ..Entry::default() };
    let mut document = Value::from("password=keploy-secret-password-1-url&x=\"keploy-secret-password-1-json\"");
    Vault::new([entry]).restore(&mut document);
    assert_eq!(document, "password=keploy-secret-password-1&x=\"keploy-secret-password-1\"".into());
}

#[test]
fn keploys_templates() {
    let vault = Vault::new([Entry { name: "Test2_Token".into(), value: Some("abc".into()), ..Entry::default() }]);
    let mut document = Value::from("Bearer {{string .secret.Test2_Token }}, {{ .secret.Lost }}");
    vault.restore(&mut document);
    assert_eq!(document, "Bearer abc, keploy-secret-lost".into());
}

#[test]
fn the_users_own() {
    let settings = Settings {
        headers: vec!["X-Tenant".into()],
        fields: vec!["iban".into()],
        patterns: vec!["acme_([0-9a-f]{8})".into()],
        allow: vec!["X-Api-Key".into(), "test-.*".into()],
        ..Settings::default()
    };
    let rules = Rules::new(&settings).expect("sound");
    let document = |tenant: &str, iban: &str, key: &str, text: &str| -> Value {
        Map::new().with("x-tenant", tenant).with("iban", iban).with("X-API-Key", key).with("text", text).into()
    };
    let mut vault = Vault::default();
    let mut changed = document("t-1", "test-1", "k", "acme_0123abcd");
    find(&mut changed, &rules, &mut vault, "");
    assert_eq!(changed, document("keploy-secret-x-tenant-1", "test-1", "k", "acme_keploy-secret-pattern-1"));
    let bad = Rules::new(&Settings { patterns: vec!["(".into()], ..Settings::default() }).expect_err("not closed");
    assert!(bad.to_string().contains("unclosed group"), "{bad}");
    let off = Rules::new(&Settings { enabled: false, ..settings }).expect("sound");
    let mut same = document("t-1", "x", "k", "acme_0123abcd");
    find(&mut same, &off, &mut vault, "");
    assert_eq!(same, document("t-1", "x", "k", "acme_0123abcd"));
}
