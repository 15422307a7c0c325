//! `mappings.yaml`: which mocks belong to which test. Ours has Keploy's keys, and `evidence` beside them.
use std::{io, path::Path};

use document::{Map, Value, yaml};

use crate::{
    Error, MappedMock, Mapping,
    envelope::{Complaint, Fields, HEADER, VERSION},
    files::Files,
    time,
};

const KIND: &str = "TestMocksMapping";

/// Writes the whole file, one test after the other: a hundred thousand need not be in memory twice.
pub(crate) fn write(files: Files, path: &Path, set: &str, mappings: &[Mapping]) -> Result<(), Error> {
    Ok(files.replace(path, |file| {
        let head = Map::new().with("version", VERSION).with("kind", KIND).with("test_set_id", set);
        write!(file, "{HEADER}{}", yaml::emit(&head.into()))?;
        if mappings.is_empty() {
            return writeln!(file, "tests: []");
        }
        writeln!(file, "tests:")?;
        // A list may stand at the column of its key, so that every entry is a document of its own.
        mappings.iter().try_for_each(|mapping| io::Write::write_all(file, entry(mapping).as_bytes()))
    })?)
}

fn entry(mapping: &Mapping) -> String {
    let mocks: Vec<Value> = mapping.mocks.iter().map(|mock| mapped(mock).into()).collect();
    let entry = Map::new().with("id", mapping.test.as_str()).with("mock_entries", mocks);
    yaml::emit(&vec![Value::from(entry)].into())
}

fn mapped(mock: &MappedMock) -> Map {
    let entry = Map::new()
        .with("name", mock.name.as_str())
        .with("kind", mock.kind.as_str())
        .with("timestamp", time::seconds(mock.started))
        .with("reqTimestampMock", time::format(mock.started))
        .with("resTimestampMock", time::format(mock.ended));
    if mock.evidence.is_empty() { entry } else { entry.with("evidence", mock.evidence.as_str()) }
}

/// Reads ours and every spelling of Keploy's.
pub(crate) fn read(document: Value) -> Result<Vec<Mapping>, Complaint> {
    let Value::Map(map) = document else {
        return Err(Complaint::new(&[], "this is no map", "it has `version`, `kind` and `tests`"));
    };
    let mut top = Fields::top(map);
    if let Some(kind) = top.text("kind")?
        && kind != KIND
    {
        return Err(Complaint::new(&["kind"], format!("`kind` is `{kind}`"), format!("mappings have `kind: {KIND}`")));
    }
    match top.take("tests") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(tests)) => tests.into_iter().map(test).collect(),
        Some(other) => Err(top.wrong("tests", "a list", &other)),
    }
}

fn test(value: Value) -> Result<Mapping, Complaint> {
    let mut entry = item(value, "tests")?;
    let test = entry.text("id").map_err(within_tests)?;
    let test = test.ok_or_else(|| within_tests(entry.missing("id", "the name of the test")))?;
    let mocks = match entry.take("mock_entries").or_else(|| entry.take("mocks")) {
        None | Some(Value::Null) => Vec::new(),
        // 2.10: `mocks: mock-3,mock-4`.
        Some(Value::Text(names)) => {
            names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(of_name).collect()
        }
        Some(Value::Array(items)) => items.into_iter().map(mock).collect::<Result<_, _>>()?,
        Some(other) => return Err(within_tests(entry.wrong("mocks", "a list of mocks", &other))),
    };
    Ok(Mapping { test, mocks })
}

fn mock(value: Value) -> Result<MappedMock, Complaint> {
    if let Value::Text(name) = &value {
        return Ok(of_name(name));
    }
    let mut entry = item(value, "mock_entries")?;
    let read = |entry: &mut Fields| {
        let name = entry.text("name")?;
        let started = entry.time("reqTimestampMock")?;
        Ok(MappedMock {
            name: name.ok_or_else(|| entry.missing("name", "the name of the mock"))?,
            kind: entry.text("kind")?.unwrap_or_default(),
            started: started.unwrap_or_default(),
            ended: entry.time("resTimestampMock")?.or(started).unwrap_or_default(),
            evidence: entry.text("evidence")?.unwrap_or_default(),
        })
    };
    read(&mut entry).map_err(within_tests)
}

fn of_name(name: &str) -> MappedMock {
    MappedMock { name: name.to_owned(), ..MappedMock::default() }
}

fn item(value: Value, list: &str) -> Result<Fields, Complaint> {
    match value {
        Value::Map(map) => Ok(Fields::top(map)),
        _ => Err(Complaint::new(&["tests"], format!("an entry of `{list}` is no map"), "it has the keys Keploy gives it")),
    }
}

/// Entries of a list have no line of their own: point to the list.
fn within_tests(complaint: Complaint) -> Complaint {
    Complaint { path: vec!["tests".to_owned()], ..complaint }
}
