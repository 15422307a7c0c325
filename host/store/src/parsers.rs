//! `parsers.yaml`: what parsers were told while recording and without which they cannot write what they have read.
//!
//! ```yaml
//! settings:
//!   gRPC:
//!     descriptorSet:
//!       - !!binary CgpzaG9wLnByb3Rv
//! ```
use std::{collections::BTreeMap, io, path::Path};

use document::{Map, Value, yaml};

use crate::{
    Error,
    envelope::{Complaint, Fields, HEADER, VERSION},
    files::Files,
};

const KIND: &str = "Parsers";

/// Protocol -> its parser's settings.
pub type ParserSettings = BTreeMap<String, Value>;

pub(crate) fn write(files: Files, path: &Path, set: &str, settings: &ParserSettings) -> Result<(), Error> {
    let settings: Map = settings.iter().map(|(protocol, settings)| (protocol.clone(), settings.clone())).collect();
    let document =
        Map::new().with("version", VERSION).with("kind", KIND).with("test_set_id", set).with("settings", settings);
    let text = format!("{HEADER}{}", yaml::emit(&document.into()));
    Ok(files.replace(path, |file| io::Write::write_all(file, text.as_bytes()))?)
}

pub(crate) fn read(document: Value) -> Result<ParserSettings, Complaint> {
    let Value::Map(map) = document else {
        return Err(Complaint::new(&[], "this is no map", "it has `version`, `kind` and `settings`"));
    };
    let mut top = Fields::top(map);
    if let Some(kind) = top.text("kind")?
        && kind != KIND
    {
        return Err(Complaint::new(&["kind"], format!("`kind` is `{kind}`"), format!("settings have `kind: {KIND}`")));
    }
    match top.take("settings") {
        None | Some(Value::Null) => Ok(ParserSettings::new()),
        Some(Value::Map(settings)) => Ok(settings.into_iter().collect()),
        Some(_) => Err(Complaint::new(&["settings"], "`settings` is no map", "it has protocols, e.g. `gRPC`")),
    }
}
