//! Drivers' own test suites, which come with their modules: what passes directly has to pass through us.

use std::path::PathBuf;
use std::process::Command;

use super::{fs_create, say};
use crate::command::{Failure, Result, Run, at};
use crate::place::Place;

/// A folder, and the module that is unpacked into it. `tests/harness/suites.rs` says how each is run.
const SUITES: &[(&str, &str)] = &[
    ("go-sql-driver", "github.com/go-sql-driver/mysql@v1.9.3"),
    ("libpq", "github.com/lib/pq@v1.10.9"),
    ("pgx", "github.com/jackc/pgx/v5@v5.7.6"),
    ("amqp091-go", "github.com/rabbitmq/amqp091-go@v1.10.0"),
    ("franz-go", "github.com/twmb/franz-go@v1.20.4"),
];

pub fn all(place: &Place) -> Result {
    let home = place.cache.join("suites");
    fs_create(&home)?;
    for (name, module) in SUITES {
        let folder = home.join(name);
        let stamp = folder.join(".done-for");
        if std::fs::read_to_string(&stamp).is_ok_and(|done| done == *module) {
            continue;
        }
        say(&format!("building the tests of {module}"));
        let _absent_is_fine = std::fs::remove_dir_all(&folder);
        Command::new("cp").arg("-r").arg(downloaded(place, module)?).arg(&folder).run_quietly()?;
        // Go keeps modules read-only.
        Command::new("chmod").args(["-R", "u+w"]).arg(&folder).run_quietly()?;
        // Compiles everything and runs nothing; what it needs is downloaded on the way.
        let nothing = ["test", "-vet=off", "-run=^$", "./..."];
        Command::new("go").args(nothing).current_dir(&folder).run_quietly()?;
        std::fs::write(&stamp, module).map_err(at(&stamp))?;
    }
    Ok(())
}

/// Where Go keeps a module.
fn downloaded(place: &Place, module: &str) -> Result<PathBuf> {
    let json = Command::new("go").args(["mod", "download", "-json", module]).current_dir(&place.cache).text()?;
    let field = json.lines().find_map(|line| line.trim().strip_prefix("\"Dir\": \"")?.split('"').next());
    let folder = field.ok_or_else(|| Failure::new(format!("go did not say where {module} is:\n{json}")))?;
    Ok(PathBuf::from(folder))
}
