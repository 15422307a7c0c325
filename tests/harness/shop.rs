//! A gRPC shop, applications that stand in front of it, and eight clients of theirs: `apps/grpc/shop.proto`.

use std::path::Path;
use std::process::Command;

use crate::apps::{App, PORT, installed, python};
use crate::{PATIENCE, Process, World, file};

/// Where the shop itself listens.
pub const SHOP_PORT: u16 = 50052;

/// The libraries that applications here are made with.
pub const LIBRARIES: &[&str] = &["grpcio", "grpc-go", "grpc-js", "grpc-java"];

/// The shop itself. It ends with this value.
pub struct Shop {
    _process: Process,
}

impl Shop {
    pub fn start(world: &World) -> Self {
        Self::start_with(world, &[])
    }

    /// With a key and a certificate: over TLS.
    pub fn start_with(world: &World, pair: &[&Path]) -> Self {
        let process = Process::start(world, script("upstream.py").arg(SHOP_PORT.to_string()).args(pair));
        process.wait_for("ready");
        Self { _process: process }
    }
}

/// The application that is made with this library.
///
/// # Panics
/// When there is none.
pub fn app(library: &'static str) -> App {
    let path = |path: &str| installed(path).display().to_string();
    let app = match library {
        "grpcio" => App::new(library, format!("{} {}", python().display(), file("apps/pygrpc/app.py").display()))
            .with("PYTHONPATH", &path("pygrpc")),
        "grpc-go" => App::new(library, path("gogrpc")),
        "grpc-js" => App::new(library, format!("node {}", file("apps/nodegrpc/app.js").display()))
            .with("NODE_PATH", &path("nodegrpc/node_modules")),
        "grpc-java" => App::new(library, "java App".to_owned())
            .with("CLASSPATH", &format!("{}:{}/*", path("javagrpc/classes"), path("javagrpc/lib"))),
        other => panic!("no application of {other}"),
    };
    app.with("UPSTREAM", &format!("127.0.0.1:{SHOP_PORT}"))
}

/// All clients at once, with every kind of call; returns how many tests that makes.
///
/// # Panics
/// When an answer is not what the shop promises: the application must not notice that it is recorded.
pub fn visit(world: &World) -> u64 {
    visit_with(world, None)
}

/// The same; over TLS, where the application's authority is given.
///
/// # Panics
/// As above.
pub fn visit_with(world: &World, authority: Option<&Path>) -> u64 {
    let ended = Process::start(world, script("visit.py").arg(PORT.to_string()).args(authority)).wait(PATIENCE);
    assert!(ended.status.success(), "a client is not content: {}", ended.stderr);
    ended.stdout.trim().parse().expect("visit.py prints a number")
}

fn script(name: &str) -> Command {
    let mut command = Command::new(python());
    command.arg(file("apps/pygrpc").join(name)).env("PYTHONPATH", installed("pygrpc"));
    command
}
