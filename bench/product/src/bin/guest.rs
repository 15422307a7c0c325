//! `guest`: what a call of a parser costs, a parser to load, and a connection's instance of one.
use std::fs;

use bench_product::{
    each,
    exchanges::{Exchanges, connection},
    parsers, registry_of, say, timed,
};
use plugins::{Engine, Plugin, Side};

const ROUNDS: usize = 7;
/// Bytes of a body that guests are still shown, rather than have the host keep.
const BODY: usize = 60 * (16 << 10);

fn main() {
    let registry = registry_of(&loading());
    for _ in 0..ROUNDS {
        for (protocol, head) in [
            ("Http", &b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 983040\r\n\r\n"[..]),
            ("Redis", &b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$983040\r\n"[..]),
        ] {
            let plugin = registry.get(protocol).expect("it is built in");
            for size in [64, 16 << 10] {
                say(&format!("guest call {protocol} {size}"), feeding(plugin, head, size), &[]);
            }
            say(&format!("guest exchange {protocol}"), exchanges(plugin, protocol), &[]);
            say(&format!("instance {protocol}"), each(2_000, || connection(plugin)), &[]);
        }
    }
}

/// In seconds: compiled, with an empty cache, and from the cache. For a second engine there would be no address space, and it
/// would do without a pool.
fn loading() -> Engine {
    let cache = std::env::temp_dir().join(format!("keploy-bench-{}", std::process::id()));
    // SAFETY: no other thread was started yet.
    unsafe { std::env::set_var("XDG_CACHE_HOME", &cache) };
    let engine = Engine::new().expect("the sandbox can be had");
    for (name, wasm) in parsers() {
        let load = || drop(Plugin::load(&engine, &name, &wasm).expect("a parser"));
        say("plugin load cold", timed(load).0, &[("bytes", &wasm.len()), ("parser", &format!("\"{name}\""))]);
        for _ in 0..ROUNDS {
            say("plugin load warm", timed(load).0, &[("parser", &format!("\"{name}\""))]);
        }
    }
    // Only a folder of the machine's temporary ones is left behind when this fails.
    let _ = fs::remove_dir_all(cache);
    // SAFETY: the engine's clock reads no variables, and there is no other thread.
    unsafe { std::env::remove_var("XDG_CACHE_HOME") };
    engine
}

/// Microseconds for a call that hands over bytes in the middle of a body. It is the second body of its connection: the
/// guest has its memory by then.
fn feeding(plugin: &Plugin, head: &[u8], size: usize) -> f64 {
    let (mut connection, mut effects, mut offset) = (connection(plugin), Vec::new(), 0);
    let mut feed = |bytes: &[u8]| {
        connection.feed(Side::Client, offset, 1, bytes, &mut effects).expect("it reads this");
        effects.clear();
        offset += bytes.len() as u64;
    };
    let tail = if head.starts_with(b"*") { &b"\r\n"[..] } else { b"" };
    feed(&[head, &[b'x'; BODY], tail].concat());
    feed(head);
    let bytes = vec![b'x'; size];
    each(BODY / size - 1, || feed(&bytes))
}

/// Microseconds for a small request and its answer, from bytes to documents.
fn exchanges(plugin: &Plugin, protocol: &str) -> f64 {
    let (mut connection, mut exchange) = (connection(plugin), Exchanges::of(protocol));
    each(10_000, || exchange.feed(&mut connection))
}
