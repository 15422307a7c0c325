//! The sample applications: their libraries, and those that are built.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{fs_create, once, say};
use crate::command::{Result, Run, at};
use crate::place::Place;

/// The one that the demo records.
pub fn for_demo(place: &Place) -> Result {
    python(place, "venv-demo", &["flask"])
}

pub fn all(place: &Place) -> Result {
    python(place, "venv", &["flask", "aiohttp", "pydb", "pynoise", "pyamqp", "pykafka", "pygrpc", "pymongo"])?;
    // Each by itself: they agree on nothing.
    node(place, "nodehttp", "node")?;
    node(place, "nodedb", "nodedb")?;
    node(place, "nodenoise", "nodenoise")?;
    node(place, "nodeamqp", "nodeamqp")?;
    node(place, "nodekafka", "nodekafka")?;
    node(place, "nodegrpc", "nodegrpc")?;
    node(place, "nodemongo", "nodemongo")?;
    go(place, "gohttp")?;
    go(place, "godb")?;
    go(place, "gonoise")?;
    go(place, "goamqp")?;
    go(place, "gokafka")?;
    go(place, "gogrpc")?;
    go(place, "gomongo")?;
    java(place, "javadb")?;
    java(place, "javanoise")?;
    java(place, "javaamqp")?;
    java(place, "javakafka")?;
    java(place, "javamongo")?;
    rust(place, "rustdb")
}

/// One environment for all Python applications: they agree on versions, and `pip` says so when they do not.
fn python(place: &Place, home: &str, apps: &[&str]) -> Result {
    let files: Vec<PathBuf> = apps.iter().map(|app| folder(place, app).join("requirements.txt")).collect();
    let venv = place.cache.join(home);
    once(&files, &venv, || {
        say("installing Python packages");
        let hint = "as root: apt-get install python3-venv";
        Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv).run_quietly().map_err(|e| e.hint(hint))?;
        let mut pip = Command::new(venv.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check"]);
        for file in &files {
            pip.arg("-r").arg(file);
        }
        pip.run_quietly()
    })
}

/// Outside the repository; the application finds them by NODE_PATH.
fn node(place: &Place, app: &str, home: &str) -> Result {
    let files = ["package.json", "package-lock.json"].map(|name| folder(place, app).join(name));
    let home = place.cache.join(home);
    once(&files, &home, || {
        say(&format!("installing Node packages for {app}"));
        fs_create(&home)?;
        for file in &files {
            let copy = home.join(file.file_name().expect("named above"));
            std::fs::copy(file, &copy).map_err(at(file))?;
        }
        Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&home).run_quietly()
    })
}

/// Go keeps its own caches and knows by itself whether there is something to do.
fn go(place: &Place, app: &str) -> Result {
    let binary = place.cache.join(app);
    if !binary.exists() {
        say(&format!("building {app}"));
    }
    Command::new("go")
        .args(["build", "-o"])
        .arg(&binary)
        .arg(".")
        .env("CGO_ENABLED", "0")
        .current_dir(folder(place, app))
        .run_quietly()
}

/// Maven fetches the libraries; the compiler is the JDK's own.
fn java(place: &Place, app: &str) -> Result {
    let home = place.cache.join(app);
    let libraries = home.join("lib");
    let pom = folder(place, app).join("pom.xml");
    once(std::slice::from_ref(&pom), &libraries, || {
        say(&format!("installing Java libraries for {app}"));
        let mut maven = Command::new("mvn");
        maven.args(["--batch-mode", "--quiet", "--file"]).arg(&pom).arg("dependency:copy-dependencies");
        maven.arg(format!("-DoutputDirectory={}", libraries.display())).run_quietly()
    })?;
    let sources = files_of(&folder(place, app), "java")?;
    let classes = home.join("classes");
    once(&sources, &classes, || {
        let mut javac = Command::new("javac");
        javac.args(["-encoding", "UTF-8", "-cp"]).arg(libraries.join("*")).arg("-d").arg(&classes);
        javac.args(&sources).run_quietly()
    })
}

/// Cargo, too, knows by itself.
fn rust(place: &Place, app: &str) -> Result {
    let target = place.cache.join(format!("{app}-target"));
    if !target.exists() {
        say(&format!("building {app} (two minutes)"));
    }
    let mut cargo = place.cargo(&["build", "--release", "--locked", "--quiet", "--manifest-path"]);
    cargo.arg(folder(place, app).join("Cargo.toml")).env("CARGO_TARGET_DIR", &target).run_quietly()
}

fn folder(place: &Place, app: &str) -> PathBuf {
    place.root.join("tests/apps").join(app)
}

/// In an order that stays the same.
fn files_of(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(at(folder))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|e| e == extension)).collect();
    files.sort();
    Ok(files)
}
