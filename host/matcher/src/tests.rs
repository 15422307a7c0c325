use document::{DiffOptions, Map, Noise, Value, diff};

use crate::{Bindings, Kind, Learning, Moment, Rules, Trial, explain_all, place};

const SECOND: u64 = 1_000_000_000;
/// 2026-11-22T09:00:00Z
const THEN: u64 = 1_795_338_000 * SECOND;

/// Replayed at the recorded time, or a year and three hours later by a real clock.
fn moment(later: u64) -> Moment {
    Moment { recorded: THEN, live: THEN + later * SECOND, slack: 2 * SECOND }
}

/// What explains the difference between two texts, or why nothing does.
fn explain(recorded: &str, live: &str) -> String {
    explain_at(recorded, live, moment(0), &mut Bindings::default())
}

fn explain_at(recorded: &str, live: &str, moment: Moment, bindings: &mut Bindings) -> String {
    let of = |text: &str| Value::from(Map::new().with("v", text));
    let differences = diff(&of(recorded), &of(live), &Noise::default(), DiffOptions::default());
    let mut trial = Trial::new(bindings);
    let (explained, left) = explain_all(differences, &Learning::Responses, moment, &mut trial);
    let new = trial.into_new();
    let show = |found: &crate::Explained| format!("{} {}", found.place, found.kind);
    let said = match left.first() {
        Some(left) => left.why.clone().unwrap_or_else(|| "-".to_owned()),
        None => explained.iter().map(show).collect::<Vec<_>>().join(", "),
    };
    bindings.accept(new);
    said
}

#[test]
fn values_have_kinds() {
    for (recorded, live, expected) in [
        ("6f9619ff-8b86-4011-b42d-00cf4fc964ff", "0e6a0f0f-1b2c-4d3e-8f90-aabbccddeeff", "v uuid"),
        ("6f9619ff-8b86-4011-b42d-00cf4fc964ff", "0e6a0f0f-1b2c-1d3e-8f90-aabbccddeeff", "a uuid of another version"),
        ("6b02ebd0a1b2c3d4e5f60718", "6b02ebd1a1b2c3d4e5f60719", "v objectid"),
        ("0123456789abcdef", "fedcba9876543210", "v hex"),
        ("0123456789abcdef", "FEDCBA9876543210", "-"),
        ("sess_a1B2c3D4e5F6g7H8", "sess_Z9y8X7w6V5u4T3s2", "v token"),
        ("ZegMMvNVsEgrTOcb", "rp9ic14spge0omlq", "v token"),
        ("rp9ic14spge0omlq", "RP9IC14SPGE0OMLQ", "-"),
        ("GwKaMKqXis6jTID7", "wHCMCUCNDUXZRXRB", "v token"),
        ("GwKaMKqXis6jTID7", "Unavailablevalue", "-"),
        // Base32, and one of it has no digit.
        ("WB6EXBW2XFEH5X6FK5ZUZLKJDD", "VRBMJRSVSQJOWXPFLLXABZFOVT", "v token"),
        ("VRBMJRSVSQJOWXPFLLXABZFOVT", "WB6EXBW2XFEH5X6FK5ZUZLKJDD", "v token"),
        ("MCOMMIYYIZKKVWNOQLDTGEOIJW", "K5HTGTDZAE6743Q3K3552PKQYM", "v token"),
        ("INTERNATIONALIZATION", "K5HTGTDZAE6743Q3K355", "-"),
        ("WB6EXBW2XFEH5X6FK5ZUZLKJDD", "SERVICEUNAVAILABLEREMOTELY", "-"),
        ("WB6EXBW2XFEH5X6FK5ZUZLKJDD", "vrbmjrsvsqjowxpfllxabzfovt", "-"),
        ("R2VoZWlt+/8x1A==", "QW5kZXJlcw/c+9z==", "v token"),
        ("delivered", "cancelled", "-"),
        ("pending", "shipped", "-"),
        ("user-17", "user-18", "-"),
        ("2026-11-22T09:00:00.120Z", "2026-11-22T09:00:01.003Z", "v time"),
        (
            "2026-11-22T09:00:00.120Z",
            "2026-11-22T10:00:00.120Z",
            "60 minutes later than recorded, by the application's clock",
        ),
        ("2026-11-22T10:00:00.120+01:00", "2026-11-22T09:00:00.120+00:00", "a time in another format or zone"),
        ("2026-11-22 09:00:00.12+00", "2026-11-22 09:00:00.9+00", "v time"),
        ("2026-11-22 09:00:00+00", "2026-11-22 09:00:00.9+00", "v time"),
        ("2026-11-22T09:00:00Z", "1795338000", "no time"),
        ("Sun, 22 Nov 2026 09:00:00 GMT", "Sun, 22 Nov 2026 09:00:01 GMT", "v time"),
        ("1795338000123", "1795338000456", "v time"),
        ("1795338035", "1795341635", "v integer 0..100000000000"),
        ("34", "33", "v near 3"),
        ("34", "30", "v integer 0..1000"),
        ("took 12 ms", "took 8.5 ms", "v number 0..1000"),
        (
            "session=0011223344556677; Path=/; Expires=Sun, 29 Nov 2026 09:00:00 GMT",
            "session=7766554433221100; Path=/; Expires=Sun, 29 Nov 2026 09:00:01 GMT",
            "v hex, v time",
        ),
        (
            "session=0011223344556677; Path=/; Expires=Sun, 29 Nov 2026 09:00:00 GMT",
            "session=7766554433221100; Path=/a; Expires=Sun, 29 Nov 2026 09:00:00 GMT",
            "-",
        ),
    ] {
        assert_eq!(explain(recorded, live), expected, "{recorded} -> {live}");
    }
}

#[test]
fn times_are_as_far_from_the_clock_as_they_were() {
    let year = 365 * 86_400 + 3 * 3_600;
    let explain = |live| explain_at("2026-11-22T10:00:00Z", live, moment(year), &mut Bindings::default());
    assert_eq!(explain("2027-11-22T13:00:01Z"), "v time");
    assert_eq!(explain("2027-11-22T12:00:01Z"), "59 minutes earlier than recorded, by the application's clock");
    assert_eq!(explain("2026-11-22T10:00:01Z"), "365 days earlier than recorded, by the application's clock");
}

#[test]
fn what_is_followed_stays_one_value_and_is_no_other() {
    let mut bindings = Bindings::default();
    let (a, b, c) = ("aaaaaaaa1111", "bbbbbbbb2222", "cccccccc3333");
    let mut explain = |recorded, live| explain_at(recorded, live, moment(0), &mut bindings);
    assert_eq!(explain(a, "0123456789ab"), "v hex");
    assert_eq!(explain(a, "fedcba987654"), "not the value it was before, 0123456789ab");
    assert_eq!(explain(b, "0123456789ab"), format!("the same value as where {a} was recorded"));
    assert_eq!(explain(b, "fedcba987654"), "v hex");
    assert_eq!(explain(c, b), format!("the same value as where {b} was recorded"));
    let sent = Value::from(format!("GET /items/{a}?other=item_{b}"));
    let live = Value::from("GET /items/0123456789ab?other=item_fedcba987654");
    assert_eq!(bindings.to_live(&sent), live);
    assert_eq!(bindings.to_recorded(&live), sent);
}

/// {"sub":"u","jti":"...","iat":1795338000,"exp":1795338035}
#[test]
fn tokens_are_compared_claim_by_claim() {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let token = |sub: &str, jti: &str, exp: u64, signature: &str| {
        let encode = |json: String| URL_SAFE_NO_PAD.encode(json);
        let payload = format!(r#"{{"sub":"{sub}","jti":"{jti}","exp":{exp}}}"#);
        format!("{}.{}.{signature}", encode(r#"{"alg":"HS256"}"#.to_owned()), encode(payload))
    };
    let recorded = token("ann", "aaaaaaaa1111", 1_795_338_035, "x1");
    for (live, expected) in [
        (token("ann", "0123456789ab", 1_795_338_036, "y2"), "v.payload.exp time, v.payload.jti hex, v jwt"),
        (token("bob", "0123456789ab", 1_795_338_036, "y2"), "payload.sub of the token: differs"),
    ] {
        assert_eq!(explain(&recorded, &live), expected);
    }
    let longer = token("ann", "0123456789ab", 1_795_338_035 + 3_600, "y2");
    let mut rules = Rules::default();
    rules.add("v", Kind::Jwt);
    rules.add("v.payload.jti", Kind::Hex);
    rules.add("v.payload.exp", Kind::Time);
    let of = |text: &str| Value::from(Map::new().with("v", text));
    let differences = diff(&of(&recorded), &of(&longer), &Noise::default(), DiffOptions::default());
    let bindings = Bindings::default();
    let (_, left) = explain_all(differences, &rules, moment(0), &mut Trial::new(&bindings));
    assert_eq!(left[0].why.as_deref(), Some("payload.exp of the token: differs"));
}

#[test]
fn rules_allow_what_they_say_and_no_more() {
    let mut rules = Rules::default();
    rules.add("body.took", Kind::Number { bound: 1000, negative: false, fraction: true });
    rules.add("body.took", Kind::Number { bound: 10_000, negative: false, fraction: true });
    rules.add("body.ref", Kind::ObjectId);
    rules.add("body.ref", Kind::Hex);
    let shown: Vec<String> = rules.iter().map(|(place, kinds)| format!("{place}: {kinds:?}")).collect();
    assert_eq!(shown, ["body.ref: [Hex]", "body.took: [Number { bound: 10000, negative: false, fraction: true }]"]);
    for kind in [
        "uuid",
        "objectid",
        "hex",
        "token",
        "bytes",
        "jwt",
        "time",
        "any-order",
        "number 0..10",
        "integer 0..10",
        "near 3",
        "number -5..5",
    ] {
        assert_eq!(kind.parse::<Kind>().map(|kind| kind.to_string()), Ok(kind.to_owned()));
    }
    for bad in ["", "number", "number 1..5", "number -4..5", "uuids"] {
        assert!(bad.parse::<Kind>().is_err(), "{bad}");
    }
}

#[test]
fn what_holds_for_one_object_of_a_list_holds_for_all() {
    for (path, expected) in [
        ("body.items[3].id", "body.items.id"),
        ("args[1]", "args[1]"),
        ("args[1].id", "args.id"),
        ("batch[2].params[0]", "batch.params[0]"),
        ("a[x].b", "a[x].b"),
    ] {
        assert_eq!(place(path), expected);
    }
}

/// What nobody has told us may be anything: at its place, followed, and nothing beside it.
#[test]
fn stand_ins() {
    let stand_ins = ["keploy-secret-key-1", "0123456789abcdef0123456789abcdef", "sigsigsigsigsigsigsig1"];
    let known = Bindings::with_stand_ins(stand_ins.map(String::from));
    let explained = |recorded: &str, live: &str| {
        let (recorded, live) = (Value::from(recorded), Value::from(live));
        let differences = document::diff(&recorded, &live, &Noise::default(), DiffOptions::default());
        let mut trial = Trial::new(&known);
        let (found, left) = explain_all(differences, &Rules::default(), moment(0), &mut trial);
        assert_eq!(found, [], "no rule is learned");
        left.is_empty().then(|| trial.into_new())
    };
    let bound = |recorded: &str, live: &str| Some(vec![(recorded.to_owned(), live.to_owned())]);
    assert_eq!(explained("Bearer keploy-secret-key-1", "Bearer test"), Some(vec![]), "a short one is not followed");
    assert_eq!(explained("Bearer keploy-secret-key-1", "Bearer abc/def+ghi="), bound(stand_ins[0], "abc/def+ghi="));
    assert_eq!(
        explained("session=0123456789abcdef0123456789abcdef; Path=/", "session=feedfeedfeedfeed; Path=/"),
        bound(stand_ins[1], "feedfeedfeedfeed")
    );
    assert_eq!(
        explained("session=0123456789abcdef0123456789abcdef; Path=/", "session=feedfeedfeedfeed; Path=/x"),
        None
    );
    assert_eq!(explained("Bearer keploy-secret-key-1", "Basic test"), None);
    assert_eq!(explained("Bearer keploy-secret-key-1", "Bearer "), None, "none at all is no other one");
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.";
    let (recorded, live) = (format!("{token}{}", stand_ins[2]), format!("{token}otherotherotherother22"));
    assert_eq!(explained(&recorded, &live), bound(&recorded, &live));
    let other = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJib2IifQ.otherotherotherother22";
    assert_eq!(explained(&recorded, other), None, "another claim is no other signature");
    assert_eq!(known.without_stand_ins(&"GET /".into()), None);
    assert_eq!(known.without_stand_ins(&"sess_keploy-secret-key-1".into()), Some("sess_<any>".into()));
}
