//! Parsers in their sandbox: WebAssembly in, documents and bytes out.
//!
//! A [`Plugin`] is one loaded parser; a [`Connection`] is one live connection of it, with a wasmtime store of its own,
//! because a trap poisons a whole store. A guest gets no clock, no randomness, no files: it imports `keploy:parser` and
//! nothing else, and whatever it does wrong ends its own reading, never the host.
mod cache;
mod connection;
mod engine;
mod load;
mod registry;
mod sandbox;

pub use connection::{Connection, Effect, Failure};
pub use engine::Engine;
pub use load::{LoadError, Plugin, Recorded};
pub use registry::{Detected, Registry, RegistryError};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "parser",
        imports: { default: trappable },
        with: { "keploy:parser/host.session": crate::sandbox::Session },
        require_store_data_send: true,
    });
}

pub use bindings::{
    exports::keploy::parser::plugin::{Manifest, Part, SpeaksFirst, Verdict},
    keploy::parser::{
        host::Pace,
        types::{Facts, Fault, Lifetime, Mode, Peer, Side},
    },
};

/// Version of the interface that this host offers.
pub const INTERFACE: &str = "keploy:parser@0.1.0";
