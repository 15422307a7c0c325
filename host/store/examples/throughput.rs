//! How fast a recording is: `cargo run --release -p store --example throughput -- 100000 DIRECTORY`.
//!
//! Sends pairs of a test and a mock as fast as they are taken, and says how long they took to be in the journal and to be
//! YAML.
use std::{path::PathBuf, time::Instant};

use document::{Map, Value};
use store::{Mock, Naming, Project, Recording, Response, TestCase};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let pairs: u64 = arguments.next().as_deref().unwrap_or("50000").parse()?;
    let directory = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let project = Project::open(&directory, None);
    let mut recording = Recording::create(&project, Naming::Descriptive)?;
    let journal = recording.journal();

    let start = Instant::now();
    for number in 0..pairs {
        let at = 1_784_279_453_000_000_000 + number * 50_000;
        journal.mock(mock(number, at));
        journal.test(test(number, at));
    }
    println!("sent      {:>8.3} s", start.elapsed().as_secs_f64());
    let mut records = 0;
    recording.for_each(&mut |_| records += 1)?;
    println!("journaled {:>8.3} s, {records} records read back", start.elapsed().as_secs_f64());
    let finished = recording.finish(None, &[])?;
    let seconds = start.elapsed().as_secs_f64();
    println!("rendered  {seconds:>8.3} s, {:.0} records/s, {finished:?}", (2 * pairs) as f64 / seconds);
    Ok(())
}

fn test(number: u64, at: u64) -> TestCase {
    let request = Map::new()
        .with("method", "POST")
        .with("proto", "HTTP/1.1")
        .with("url", format!("http://localhost:8080/orders/{number}"))
        .with("header", headers(&["Host", "Accept", "User-Agent", "Content-Type"]))
        .with("body", format!("{{\"order\":{number},\"items\":[1,2,3]}}"));
    TestCase {
        kind: "Http".into(),
        schema: 1,
        class: "POST /orders/*".into(),
        request: request.into(),
        responses: vec![Response { body: response(number), at: at + 900_000 }],
        started: at,
        ended: at + 900_000,
        connection: (number % 16).to_string(),
        app_port: 8080,
        ..TestCase::default()
    }
}

fn mock(number: u64, at: u64) -> Mock {
    let arguments: Vec<Value> =
        vec!["SET".into(), format!("order:{number}").into(), "some value of a cache entry".into()];
    Mock {
        kind: "Line".into(),
        schema: 1,
        class: "SET".into(),
        destination: "kv.test:7070".into(),
        request: Map::new().with("command", arguments).into(),
        responses: vec![Response { body: Map::new().with("simple", "OK").into(), at: at + 400_000 }],
        started: at + 100_000,
        ended: at + 400_000,
        connection: (number % 16).to_string(),
        ..Mock::default()
    }
}

fn response(number: u64) -> Value {
    let headers = headers(&["Content-Type", "Content-Length", "Date", "Server"]);
    let body = format!("{{\"id\":{number},\"status\":\"created\"}}");
    Map::new().with("status_code", 201u32).with("header", headers).with("body", body).into()
}

fn headers(names: &[&str]) -> Map {
    names.iter().map(|&name| (name.to_owned(), Value::from("a/value, of; the=usual length"))).collect()
}
