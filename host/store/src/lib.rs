//! Test sets, mocks, mappings and reports on disk: documents in, files out, and back.
//!
//! The layout and envelope are Keploy's (`keploy/test-set-0/{tests/*.yaml,mocks.yaml,mappings.yaml}`), so that its
//! recordings load here. [`Project`] is the directory, [`Recording`] writes a new test set while the application runs,
//! [`TestSet::load`] reads one back, [`Config`] is `keploy.yml`, and [`RunReport`] says what a replay found.
#![deny(unsafe_code)] // one call, in render.rs

mod assets;
mod config;
mod curl;
mod edit;
mod envelope;
mod error;
mod files;
mod in_order;
mod journal;
mod layout;
mod load;
mod mappings;
mod matchers;
mod model;
mod names;
mod parsers;
mod recording;
mod replace;
mod report;
mod sanitize;
mod secrets;
mod templates;
mod time;

pub use ::secrets::{Rules as SecretRules, Vault};
pub use assets::{Assets, BlobWriter};
pub use config::{Config, ConfigError, GlobalNoise, NoiseOf, RecordConfig, SecretsConfig, TestConfig, UpstreamTls};
pub use edit::CallEdits;
pub use error::Error;
pub use files::Owner;
pub use in_order::in_order;
pub use journal::Encoded;
pub use layout::{Project, RunDir};
pub use load::{LoadError, Upgrade, Upgraded};
pub use model::*;
pub use names::Naming;
pub use parsers::ParserSettings;
pub use recording::{Finished, JournalHandle, Recording};
pub use report::{
    BlindSpot, CallDifference, CallKind, Difference, DifferenceKind, MayDiffer, Proof, RunReport, SetReport, Status,
    TestReport,
};
pub use sanitize::{Sanitize, Sanitized};
pub use templates::{Template, has_word};
pub use time::format as rfc3339;
