//! The gRPC shop in four languages: their libraries, and what is generated from its description.
//!
//! Go's generated code is committed, Node reads the description when it starts.

use std::process::Command;

use super::{fs_create, once, say};
use crate::command::{Result, Run};
use crate::place::Place;

pub fn all(place: &Place) -> Result {
    python(place)?;
    java(place)
}

/// Modules that `pygrpc` imports, for the environment of all Python applications.
fn python(place: &Place) -> Result {
    let folder = place.root.join("tests/apps/grpc");
    let generated = place.cache.join("pygrpc");
    once(&[folder.join("shop.proto")], &generated, || {
        say("generating Python's side of the gRPC shop");
        fs_create(&generated)?;
        let mut protoc = Command::new(place.cache.join("venv/bin/python"));
        protoc.args(["-m", "grpc_tools.protoc", "shop.proto"]).arg("-I").arg(&folder);
        for option in ["python_out", "grpc_python_out"] {
            protoc.arg(format!("--{option}={}", generated.display()));
        }
        protoc.run_quietly()
    })
}

/// Maven fetches protoc, generates, compiles, and leaves classes and libraries.
fn java(place: &Place) -> Result {
    let folder = place.root.join("tests/apps/javagrpc");
    let home = place.cache.join("javagrpc");
    let files = [folder.join("pom.xml"), folder.join("App.java"), place.root.join("tests/apps/grpc/shop.proto")];
    once(&files, &home, || {
        say("building javagrpc");
        let mut maven = Command::new("mvn");
        maven.args(["--batch-mode", "--quiet", "--file"]).arg(folder.join("pom.xml"));
        maven.arg(format!("-Dhome={}", home.display())).arg("package").run_quietly()
    })
}
