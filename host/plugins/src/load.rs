//! From a `.wasm` file to a parser that can be called, or a refusal that names what is wrong.
use std::sync::{
    Mutex,
    atomic::{AtomicU32, Ordering},
};

use keploy_value::Value;
use wasmtime::{
    Store,
    component::{Component, Linker},
};

use crate::{
    Connection, Facts, Failure, INTERFACE, Manifest, Mode, Part, Peer, Verdict,
    bindings::{Parser, ParserPre},
    cache,
    connection::failure,
    engine::Engine,
    sandbox::{self, Context},
};

/// After so many connections on which the sandbox had to stop it, a parser is asked no more in this run.
const BENCHED_AFTER: u32 = 3;

/// Why a file is not a parser.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(
        "{name} is not WebAssembly: {why}\nhint: a parser is a .wasm file, built with `cargo build --release --target wasm32-unknown-unknown`"
    )]
    NotWasm { name: String, why: String },
    #[error(
        "{name} wants {import}, which no parser gets\nhint: build for wasm32-unknown-unknown with keploy-sdk; a parser has no WASI, no clock, no files"
    )]
    Stranger { name: String, import: String },
    #[error(
        "{name} was built for {wanted}, this keploy offers {INTERFACE}\nhint: rebuild it with the SDK of this version"
    )]
    Version { name: String, wanted: String },
    #[error("{name} does not export {export}\nhint: name your parser in keploy_sdk::export!")]
    Missing { name: String, export: String },
    #[error("{name} cannot be compiled: {why}")]
    Compile { name: String, why: String },
    #[error("{name} does not answer `describe`: {why}")]
    Describe { name: String, why: Failure },
    #[error("{name} calls its protocol {protocol:?}: letters, digits and `-` only, please")]
    Protocol { name: String, protocol: String },
}

/// One exchange that `upgrade` made of an older document.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub request: Value,
    pub facts: Facts,
    pub responses: Vec<Value>,
}

/// A loaded parser. Shared by all threads; connections and stateless calls get stores of their own.
pub struct Plugin {
    /// Where it came from, for messages: a file, or `built-in`.
    pub source: String,
    pub manifest: Manifest,
    engine: Engine,
    pre: ParserPre<Context>,
    /// Somebody trusts it with what is said while recording.
    is_trusted: bool,
    /// Stores of stateless calls, kept for the next one.
    idle: Mutex<Vec<(Store<Context>, Parser)>>,
    stopped: AtomicU32,
}

impl Plugin {
    /// Loads a component, or a core module as plain cargo builds it. `source` is for messages.
    ///
    /// # Errors
    /// When it is not a parser, or asks for more than a parser gets.
    pub fn load(engine: &Engine, source: &str, wasm: &[u8]) -> Result<Self, LoadError> {
        let name = || source.to_owned();
        let component = cache::compiled(engine, wasm, || {
            let wasm = componentize(source, wasm)?;
            let component = Component::new(engine.wasmtime(), &wasm)
                .map_err(|error| LoadError::Compile { name: name(), why: format!("{error:#}") })?;
            check(engine, source, &component)?;
            Ok(component)
        })?;
        let mut linker = Linker::new(engine.wasmtime());
        sandbox::link(&mut linker).expect("our own imports have distinct names");
        let compile = |error: wasmtime::Error| LoadError::Compile { name: name(), why: format!("{error:#}") };
        let pre = linker.instantiate_pre(&component).and_then(ParserPre::new).map_err(compile)?;
        let (manifest, idle) = describe(engine, &pre, source)?;
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if manifest.protocol.is_empty() || !manifest.protocol.chars().all(valid) {
            return Err(LoadError::Protocol { name: name(), protocol: manifest.protocol });
        }
        let (engine, idle) = (engine.clone(), Mutex::new(vec![idle]));
        Ok(Self {
            source: source.to_owned(),
            manifest,
            engine,
            pre,
            is_trusted: false,
            idle,
            stopped: AtomicU32::new(0),
        })
    }

    /// Lets it take part in what is said while recording, if its manifest says that it `intervenes`. Without this, such a
    /// call ends its reading of the connection, and nothing else.
    #[must_use]
    pub fn trusted(self) -> Self {
        Self { is_trusted: true, ..self }
    }

    /// May it take part in what is said while recording?
    pub fn may_intervene(&self) -> bool {
        self.is_trusted && self.manifest.intervenes
    }

    /// Is it built in, or does the user trust it?
    pub fn is_trusted(&self) -> bool {
        self.is_trusted
    }

    /// The parser's end of a new connection. `config` is a document, or CBOR null.
    ///
    /// # Errors
    /// When no instance can be had, or its constructor fails.
    pub fn connect(&self, mode: Mode, peer: &Peer, config: &Value) -> Result<Connection, Failure> {
        let mut store = sandbox::store(&self.engine, &self.manifest.protocol, Some(mode), self.may_intervene());
        let parser = self.pre.instantiate(&mut store).map_err(|error| failure(&mut store, &error))?;
        Connection::new(store, parser, mode, peer, &config.to_cbor())
    }

    /// Is it this protocol?
    ///
    /// # Errors
    /// When the guest fails; it is then out of the question.
    pub fn detect(&self, peer: &Peer, client: &[u8], server: &[u8]) -> Result<Verdict, Failure> {
        self.stateless(|store, parser| parser.keploy_parser_plugin().call_detect(store, peer, client, server))
    }

    /// The form of a document that is compared and hashed.
    ///
    /// # Errors
    /// When the guest fails, or what it returns is not a document.
    pub fn canonical(&self, part: Part, document: &Value) -> Result<Value, Failure> {
        let cbor = document.to_cbor();
        let out = self.stateless(|store, parser| parser.keploy_parser_plugin().call_canonical(store, part, &cbor))?;
        read(&out)
    }

    /// The facts of a request read from disk.
    ///
    /// # Errors
    /// When the guest fails.
    pub fn classify(&self, request: &Value) -> Result<Facts, Failure> {
        let cbor = request.to_cbor();
        self.stateless(|store, parser| parser.keploy_parser_plugin().call_classify(store, &cbor))
    }

    /// Reads what an earlier schema, or the seed system, wrote.
    ///
    /// # Errors
    /// The outer one when the guest fails, the inner one when it says in words that it cannot.
    pub fn upgrade(&self, schema: u32, spec: &Value) -> Result<Result<Vec<Recorded>, String>, Failure> {
        let cbor = spec.to_cbor();
        let made = self.stateless(|store, parser| parser.keploy_parser_plugin().call_upgrade(store, schema, &cbor))?;
        let exchanges = match made {
            Ok(exchanges) => exchanges,
            Err(words) => return Ok(Err(words)),
        };
        let convert = |exchange: crate::bindings::exports::keploy::parser::plugin::Exchange| {
            Ok(Recorded {
                request: read(&exchange.request)?,
                facts: exchange.facts,
                responses: exchange.responses.iter().map(|response| read(response)).collect::<Result<_, _>>()?,
            })
        };
        Ok(Ok(exchanges.into_iter().map(convert).collect::<Result<_, Failure>>()?))
    }

    /// Do its requests have no end of their own, so that each is asked about as it grows?
    pub fn has_partial_requests(&self) -> bool {
        self.says("partial-requests")
    }

    /// Do its exchanges overlap on a connection, so that none waits for another's answer?
    pub fn is_multiplexed(&self) -> bool {
        self.says("multiplexed")
    }

    fn says(&self, fact: &str) -> bool {
        self.manifest.extra.iter().any(|(name, value)| name == fact && value == "true")
    }

    /// Notes how a connection's guest ended. True when that benched the parser: said once, by the caller.
    pub fn note(&self, failure: &Failure) -> bool {
        let by_force = matches!(failure, Failure::Stopped(_));
        by_force && self.stopped.fetch_add(1, Ordering::Relaxed) + 1 == BENCHED_AFTER
    }
    /// Was it stopped too often to be asked again in this run?
    pub fn is_benched(&self) -> bool {
        self.stopped.load(Ordering::Relaxed) >= BENCHED_AFTER
    }

    fn stateless<T>(&self, f: impl FnOnce(&mut Store<Context>, &Parser) -> wasmtime::Result<T>) -> Result<T, Failure> {
        let kept = self.idle.lock().expect("no holder panics").pop();
        let (mut store, parser) = match kept {
            Some(kept) => kept,
            None => instantiate(&self.engine, &self.pre, &self.manifest.protocol)?,
        };
        sandbox::arm(&mut store);
        match f(&mut store, &parser) {
            Ok(value) => {
                self.idle.lock().expect("no holder panics").push((store, parser));
                Ok(value)
            }
            // The store is dropped: a trap poisons it.
            Err(error) => Err(failure(&mut store, &error)),
        }
    }
}

fn read(cbor: &[u8]) -> Result<Value, Failure> {
    Value::from_cbor(cbor).map_err(|error| Failure::Trap(error.to_string()))
}

fn instantiate(engine: &Engine, pre: &ParserPre<Context>, name: &str) -> Result<(Store<Context>, Parser), Failure> {
    let mut store = sandbox::store(engine, name, None, false);
    let parser = pre.instantiate(&mut store).map_err(|error| failure(&mut store, &error))?;
    Ok((store, parser))
}

type Idle = (Store<Context>, Parser);

fn describe(engine: &Engine, pre: &ParserPre<Context>, source: &str) -> Result<(Manifest, Idle), LoadError> {
    let fail = |why| LoadError::Describe { name: source.to_owned(), why };
    let (mut store, parser) = instantiate(engine, pre, source).map_err(fail)?;
    sandbox::arm(&mut store);
    match parser.keploy_parser_plugin().call_describe(&mut store) {
        Ok(manifest) => Ok((manifest, (store, parser))),
        Err(error) => Err(fail(failure(&mut store, &error))),
    }
}

/// A core module as plain cargo builds it carries its interface in a custom section: that is enough to wrap it.
fn componentize(source: &str, wasm: &[u8]) -> Result<Vec<u8>, LoadError> {
    let not_wasm = |why: String| LoadError::NotWasm { name: source.to_owned(), why };
    let Some([b'\0', b'a', b's', b'm', version, _, layer, _]) = wasm.get(..8) else {
        return Err(not_wasm("it does not start with the bytes `\\0asm`".to_owned()));
    };
    match (version, layer) {
        (1, 0) => {}
        _ => return Ok(wasm.to_vec()),
    }
    // A module that imports what no component can give it would fail with less clear words below.
    if let Some(import) = strange_core_import(wasm) {
        return Err(LoadError::Stranger { name: source.to_owned(), import });
    }
    wit_component::ComponentEncoder::default()
        .module(wasm)
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| not_wasm(format!("it cannot be made a component: {error:#}")))
}

/// The first import of a core module that is not part of `keploy:parser`.
fn strange_core_import(wasm: &[u8]) -> Option<String> {
    use wasmparser::{Parser, Payload};
    Parser::new(0).parse_all(wasm).filter_map(Result::ok).find_map(|payload| match payload {
        Payload::ImportSection(imports) => imports
            .into_imports()
            .filter_map(Result::ok)
            .find(|import| {
                !import.module.starts_with("keploy:parser/") && !import.module.starts_with("[export]keploy:parser/")
            })
            .map(|import| format!("{}.{}", import.module, import.name)),
        _ => None,
    })
}

/// Only what `keploy:parser` offers may be imported, and what it asks for must be exported.
fn check(engine: &Engine, source: &str, component: &Component) -> Result<(), LoadError> {
    let name = || source.to_owned();
    let ty = component.component_type();
    let offered = ["keploy:parser/types@0.1.0", "keploy:parser/host@0.1.0", "keploy:parser/codec@0.1.0"];
    for (import, _) in ty.imports(engine.wasmtime()) {
        if offered.contains(&import) {
            continue;
        }
        return Err(match import.strip_prefix("keploy:parser/").and_then(|rest| rest.split_once('@')) {
            Some((_, version)) => LoadError::Version { name: name(), wanted: format!("keploy:parser@{version}") },
            None => LoadError::Stranger { name: name(), import: import.to_owned() },
        });
    }
    for export in ["keploy:parser/plugin@0.1.0", "keploy:parser/connection@0.1.0"] {
        if ty.get_export(engine.wasmtime(), export).is_none() {
            return Err(LoadError::Missing { name: name(), export: export.to_owned() });
        }
    }
    Ok(())
}
