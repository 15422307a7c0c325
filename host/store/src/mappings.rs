//! `mappings.yaml`: which mocks belong to which test. Ours has Keploy's keys, and `evidence` beside them.
use std::{io, path::Path};

use document::{Map, Value, yaml};

use crate::{
    Error, MappedMock, Mapping, Timestamp, Vault,
    envelope::{Complaint, Fields, HEADER, VERSION},
    files::Files,
    time,
};

const KIND: &str = "TestMocksMapping";

/// Writes the whole file, one test after the other: a hundred thousand need not be in memory twice.
/// `began`: when the application was started. `secrets`: what names must not have in them.
pub(crate) fn write(
    files: Files,
    path: &Path,
    set: &str,
    began: Option<Timestamp>,
    mappings: &[Mapping],
    secrets: &Vault,
) -> Result<(), Error> {
    Ok(files.replace(path, |file| {
        let head = Map::new().with("version", VERSION).with("kind", KIND).with("test_set_id", set);
        let head = match began {
            Some(at) => head.with("application_started", time::format(at)),
            None => head,
        };
        write!(file, "{HEADER}{}", yaml::emit(&head.into()))?;
        if mappings.is_empty() {
            return writeln!(file, "tests: []");
        }
        writeln!(file, "tests:")?;
        // A list may stand at the column of its key, so that every entry is a document of its own.
        mappings.iter().try_for_each(|mapping| io::Write::write_all(file, entry(mapping, secrets).as_bytes()))
    })?)
}

fn entry(mapping: &Mapping, secrets: &Vault) -> String {
    let mocks: Vec<Value> = mapping.mocks.iter().map(|mock| mapped(mock).into()).collect();
    let entry = Map::new().with("id", mapping.test.as_str()).with("mock_entries", mocks);
    let mut entry = vec![Value::from(entry)].into();
    secrets.hide(&mut entry);
    yaml::emit(&entry)
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
pub(crate) fn read(document: Value) -> Result<(Option<Timestamp>, Vec<Mapping>), Complaint> {
    let Value::Map(map) = document else {
        return Err(Complaint::new(&[], "this is no map", "it has `version`, `kind` and `tests`"));
    };
    let mut top = Fields::top(map);
    if let Some(kind) = top.text("kind")?
        && kind != KIND
    {
        return Err(Complaint::new(&["kind"], format!("`kind` is `{kind}`"), format!("mappings have `kind: {KIND}`")));
    }
    let began = top.time("application_started")?;
    let mappings = top.list("tests")?.into_iter().map(test).collect::<Result<_, _>>()?;
    Ok((began, mappings))
}

fn test(mut entry: Fields) -> Result<Mapping, Complaint> {
    let test = entry.text("id")?.ok_or_else(|| entry.missing("id", "it is the name of the test"))?;
    let key = if entry.has("mock_entries") { "mock_entries" } else { "mocks" };
    let mocks = match entry.take(key) {
        None | Some(Value::Null) => Vec::new(),
        // 2.10: `mocks: mock-3,mock-4`.
        Some(Value::Text(names)) => {
            names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(of_name).collect()
        }
        Some(Value::Array(items)) => {
            let mocks = (0..).zip(items).map(|(index, item)| match item {
                Value::Text(name) => Ok(of_name(&name)),
                item => mock(entry.element(key, index, item)?),
            });
            mocks.collect::<Result<_, _>>()?
        }
        Some(other) => return Err(entry.wrong(key, "a list of mocks", &other)),
    };
    Ok(Mapping { test, mocks })
}

fn mock(mut entry: Fields) -> Result<MappedMock, Complaint> {
    let name = entry.text("name")?.ok_or_else(|| entry.missing("name", "it is the name of the mock"))?;
    let started = entry.time("reqTimestampMock")?;
    Ok(MappedMock {
        name,
        kind: entry.text("kind")?.unwrap_or_default(),
        started: started.unwrap_or_default(),
        ended: entry.time("resTimestampMock")?.or(started).unwrap_or_default(),
        evidence: entry.text("evidence")?.unwrap_or_default(),
    })
}

fn of_name(name: &str) -> MappedMock {
    MappedMock { name: name.to_owned(), ..MappedMock::default() }
}
