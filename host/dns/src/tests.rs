use std::net::IpAddr;

use domain::base::{Message, MessageBuilder, Name, iana::Rtype};
use keploy_value::{Map, Value};

use super::*;

/// A query as resolvers in libraries send it; `edns`: the size that it takes by UDP.
fn query(name: &str, rtype: Rtype, edns: Option<u16>) -> Vec<u8> {
    let mut builder = MessageBuilder::new_vec();
    builder.header_mut().set_id(0x1234);
    builder.header_mut().set_rd(true);
    let mut builder = builder.question();
    builder.push((name.parse::<Name<Vec<u8>>>().expect("a name"), rtype)).expect("room");
    let mut builder = builder.additional();
    if let Some(size) = edns {
        builder
            .opt(|opt| {
                opt.set_udp_payload_size(size);
                Ok(())
            })
            .expect("room");
    }
    builder.finish()
}

fn response(sections: &[(&str, &[&str])]) -> Value {
    let mut map = Map::new()
        .with("rcode", 0_u8)
        .with("authoritative", false)
        .with("recursionAvailable", true)
        .with("truncated", false);
    for (name, lines) in sections {
        map.insert(*name, lines.iter().map(|line| Value::from(*line)).collect::<Vec<_>>());
    }
    Value::Map(map)
}

/// record(serve(record)) = record.
fn assert_round_trip(name: &str, rtype: Rtype, document: &Value) {
    let query = query(name, rtype, Some(4096));
    let wire = answer(&query, document).expect("it can be sent");
    let (_, again) = document_of(&query, &wire).expect("it can be read");
    assert_eq!(&again, document);
}

#[test]
fn a_recording_of_keploy_is_served_and_recorded_again_the_same() {
    let name = "keploy_rec_pg.";
    assert_round_trip(name, Rtype::A, &response(&[("answers", &["keploy_rec_pg.\t600\tIN\tA\t172.20.0.2"])]));
    assert_round_trip(name, Rtype::AAAA, &response(&[]));
    let (request, _) = document_of(&query(name, Rtype::A, None), &no_data(&query(name, Rtype::A, None))).expect("both");
    let want = Map::new().with("name", name).with("qtype", 1_u8).with("qclass", 1_u8);
    assert_eq!(request, Value::Map(want));
}

#[test]
fn every_common_type_survives() {
    for line in [
        "x.test.\t60\tIN\tA\t192.0.2.1",
        "x.test.\t60\tIN\tAAAA\t2001:db8::7",
        "x.test.\t60\tIN\tCNAME\tY.Test.",
        "x.test.\t60\tIN\tMX\t10 mail.x.test.",
        "x.test.\t60\tIN\tNS\tns1.x.test.",
        "1.2.0.192.in-addr.arpa.\t60\tIN\tPTR\tx.test.",
        "x.test.\t60\tIN\tSOA\tns.x.test. admin.x.test. 2026112201 7200 3600 1209600 300",
        "_sip._tcp.x.test.\t60\tIN\tSRV\t1 2 5060 sip.x.test.",
        "x.test.\t60\tIN\tTXT\t\"v=spf1 -all\" \"say \\\"hi\\\"; \\195\\164\"",
        "x.test.\t60\tIN\tCAA\t0 issue \"ca.test\"",
        "x.test.\t60\tIN\tTYPE65280\t\\# 3 01 02 ff",
        "x.test.\t0\tCH\tTXT\t\"9.18\"",
        ".\t518400\tIN\tNS\ta.root-servers.test.",
        "a\\.b\\ c.x.test.\t60\tIN\tA\t192.0.2.1",
    ] {
        let document = response(&[("answers", &[line])]);
        let query = query("x.test.", Rtype::ANY, Some(4096));
        let wire = answer(&query, &document).unwrap_or_else(|error| panic!("{line}: {error}"));
        let (_, again) = document_of(&query, &wire).unwrap_or_else(|| panic!("{line}"));
        assert_eq!(again, document);
    }
}

/// Text that we do not control the spelling of: what counts is that the bytes survive.
#[test]
fn service_bindings_survive() {
    for data in ["1 . alpn=h2,h3 port=8443 ipv4hint=192.0.2.1", "0 other.test.", "\\# 10 00010000 01 0003 026832"] {
        let query = query("x.test.", Rtype::HTTPS, Some(4096));
        let line = format!("x.test.\t60\tIN\tHTTPS\t{data}");
        let wire =
            answer(&query, &response(&[("answers", &[&line])])).unwrap_or_else(|error| panic!("{line}: {error}"));
        let (_, document) = document_of(&query, &wire).expect("it can be read");
        assert_eq!(answer(&query, &document).expect("it can be sent"), wire, "{document:?}");
    }
}

#[test]
fn a_name_that_does_not_exist_keeps_its_authority() {
    let soa = "test.\t300\tIN\tSOA\tns.test. admin.test. 1 2 3 4 5";
    let mut document = response(&[("ns", &[soa]), ("extra", &["ns.test.\t60\tIN\tA\t192.0.2.53"])]);
    let Some(map) = document.as_map_mut() else { unreachable!("it is one") };
    map.insert("rcode", 3_u8);
    map.insert("authoritative", true);
    map.insert("authenticData", true);
    assert_round_trip("nope.test.", Rtype::A, &document);
}

#[test]
fn number_question_and_case_are_the_querys() {
    let query = query("eXaMPle.TEST.", Rtype::A, None);
    let wire = answer(&query, &response(&[("answers", &["example.test.\t60\tIN\tA\t192.0.2.1"])])).expect("sent");
    assert_eq!(question(&query).expect("a question").name, "eXaMPle.TEST.");
    let sent = Message::from_slice(&wire).expect("a message");
    assert_eq!((sent.header().id(), sent.header().rd(), sent.header().qr()), (0x1234, true, true));
    assert!(wire.windows(7).any(|bytes| bytes == b"eXaMPle"));
    let (request, _) = document_of(&query, &wire).expect("both");
    assert_eq!(request.get("name").and_then(Value::as_str), Some("eXaMPle.TEST."));
}

#[test]
fn edns_is_answered_with_edns_only() {
    let document = response(&[]);
    for (edns, additionals) in [(None, 0), (Some(1400), 1)] {
        let wire = answer(&query("x.test.", Rtype::A, edns), &document).expect("sent");
        assert_eq!(Message::from_slice(&wire).expect("a message").header_counts().arcount(), additionals);
    }
}

#[test]
fn an_extended_code_survives_where_it_can_be_said() {
    let mut document = response(&[]);
    document.as_map_mut().expect("it is one").insert("rcode", 23_u8); // BADCOOKIE
    assert_round_trip("x.test.", Rtype::A, &document);
    let plain = query("x.test.", Rtype::A, None);
    let (_, said) = document_of(&plain, &answer(&plain, &document).expect("sent")).expect("both");
    assert_eq!(said.get("rcode").and_then(Value::as_int), Some(2));
}

#[test]
fn what_is_too_long_for_udp_is_asked_again_by_tcp() {
    let lines: Vec<_> = (0..60).map(|n| format!("x.test.\t60\tIN\tA\t192.0.2.{n}")).collect();
    let document = response(&[("answers", &lines.iter().map(String::as_str).collect::<Vec<_>>())]);
    for (edns, truncated) in [(None, true), (Some(600), true), (Some(4096), false), (Some(1), true)] {
        let query = query("x.test.", Rtype::A, edns);
        let whole = answer(&query, &document).expect("sent");
        let sent = fit_udp(&query, whole.clone());
        let message = Message::from_slice(&sent).expect("a message");
        assert_eq!(message.header().tc(), truncated, "{edns:?}");
        assert_eq!(sent == whole, !truncated);
        assert_eq!((message.header().id(), message.header_counts().qdcount()), (0x1234, 1));
    }
}

#[test]
fn refusals_carry_their_code() {
    let query = query("x.test.", Rtype::A, Some(1232));
    for (wire, rcode) in [(nxdomain(&query), 3), (servfail(&query), 2), (no_data(&query), 0)] {
        let (_, document) = document_of(&query, &wire).expect("both");
        assert_eq!(document.get("rcode").and_then(Value::as_int), Some(rcode));
        assert_eq!(document.get("answers"), None);
    }
    assert_eq!(nxdomain(b"what?"), [0; 0]);
}

#[test]
fn an_address_has_the_name_that_was_asked_for() {
    let document = response(&[(
        "answers",
        &[
            "www.x.test.\t60\tIN\tCNAME\tCDN.x.test.",
            "cdn.x.test.\t60\tIN\tCNAME\tedge.test.",
            "edge.test.\t60\tIN\tA\t192.0.2.1",
            "edge.test.\t60\tIN\tAAAA\t2001:db8::1",
            "other.test.\t60\tIN\tA\t192.0.2.9",
        ],
    )]);
    let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
    assert_eq!(
        addresses(&document),
        [
            ("www.x.test.".to_owned(), ip("192.0.2.1")),
            ("www.x.test.".to_owned(), ip("2001:db8::1")),
            ("other.test.".to_owned(), ip("192.0.2.9")),
        ]
    );
    let circle = ["a.\t1\tIN\tCNAME\tb.", "b.\t1\tIN\tCNAME\ta.", "a.\t1\tIN\tA\t192.0.2.1"];
    assert_eq!(addresses(&response(&[("answers", &circle)])).len(), 1);
}

#[test]
fn a_record_that_people_broke_is_named() {
    for line in
        ["x.test.\t60\tIN\tA\t1.2.3", "x.test. 60 IN", "$TTL 60", "a.\t1\tIN\tA\t1.2.3.4\nb.\t1\tIN\tA\t1.2.3.4", ""]
    {
        let document = response(&[("answers", &[line])]);
        let error = answer(&query("x.test.", Rtype::A, None), &document).expect_err(line);
        assert!(matches!(error, Error::Record { .. }), "{error}");
    }
    let error = answer(&query("x.test.", Rtype::A, None), &Value::Null).expect_err("no document");
    assert!(error.to_string().contains("rcode"), "{error}");
}

/// Torn at every byte and changed at every byte, a message is read or refused; nothing panics, and what is read can be sent.
#[test]
fn damage_never_panics() {
    let query = query("www.x.test.", Rtype::ANY, Some(1232));
    let document = response(&[
        (
            "answers",
            &["www.x.test.\t60\tIN\tCNAME\tx.test.", "x.test.\t60\tIN\tMX\t1 m.x.test.", "x.test.\t1\tIN\tTXT\t\"t\""],
        ),
        ("ns", &["test.\t300\tIN\tSOA\tns.test. admin.test. 1 2 3 4 5"]),
    ]);
    let wire = answer(&query, &document).expect("sent");
    let take = |query: &[u8], wire: &[u8]| {
        if let Some((_, document)) = document_of(query, wire) {
            let _ = addresses(&document);
            let again = answer(query, &document);
            assert!(again.is_ok(), "{document:?}: {again:?}");
        }
        let _ = (nxdomain(query), fit_udp(query, wire.to_vec()));
    };
    for n in 0..wire.len() {
        take(&query, &wire[..n]);
        for byte in [0, 1, 0x3f, 0x40, 0xc0, 0xff, wire[n] ^ 0x10] {
            let mut changed = wire.clone();
            changed[n] = byte;
            take(&query, &changed);
        }
    }
    for n in 0..query.len() {
        take(&query[..n], &wire);
        for byte in [0, 0x40, 0xc0, 0xff] {
            let mut changed = query.clone();
            changed[n] = byte;
            take(&changed, &wire);
        }
    }
}
