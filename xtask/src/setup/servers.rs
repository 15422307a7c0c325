//! The database servers that Debian does not have, and an empty database of each: the scripts in `tests/servers` do it.

use std::process::Command;

use super::say;
use crate::command::{Result, Run};
use crate::place::Place;

/// A script, the version it is asked for, and what shows that it was done.
const SERVERS: &[(&str, &str, &str)] = &[
    ("postgres", "15", "postgres-15.data"),
    ("postgres", "18", "postgres-18.data"),
    ("mysql", "", "mysql.data"),
    ("mariadb", "", "mariadb.data"),
    ("kafka", "", "kafka-4.4.0"),
    ("mongo", "", "mongo.data"),
];

pub fn all(place: &Place) -> Result {
    for (name, version, data) in SERVERS {
        if place.cache.join("servers").join(data).exists() {
            continue;
        }
        say(format!("installing {name} {version}").trim_end());
        let mut script = Command::new(place.root.join(format!("tests/servers/{name}.sh")));
        script.arg("install").env("KEPLOY_DEV_CACHE", &place.cache);
        if !version.is_empty() {
            script.env("VERSION", version);
        }
        script.run_quietly()?;
    }
    Ok(())
}
