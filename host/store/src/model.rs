//! What is kept of a run, in memory.
use std::{path::PathBuf, sync::Arc};

use document::{Map, Value};

/// Nanoseconds since the Unix epoch, shown as RFC 3339 on disk.
pub type Timestamp = u64;

/// Where a document came from, for messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// One for all documents of a file.
    pub file: Arc<PathBuf>,
    /// 1-based line of the document's first line.
    pub line: usize,
}

/// How long a recorded exchange stays usable as an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lifetime {
    /// Once, in the test that recorded it.
    #[default]
    Test,
    /// As often as asked, on a connection like the one that recorded it.
    Connection,
    /// As often as asked, anywhere.
    Session,
}

/// One response of an exchange and when its last byte arrived.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Response {
    pub body: Value,
    pub at: Timestamp,
}

/// A test: what came in, and what the application answered.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct TestCase {
    /// Given by the journal while recording; what the caller puts here is not read.
    pub name: String,
    /// The protocol, e.g. `Http`.
    pub kind: String,
    /// The plugin's schema of the request and response documents.
    pub schema: u32,
    pub class: String,
    pub request: Value,
    pub responses: Vec<Response>,
    pub started: Timestamp,
    pub ended: Timestamp,
    /// Numbered within the test set: tests of one connection are driven over one connection.
    pub connection: String,
    /// The application's port.
    pub app_port: u16,
    /// It came inside TLS; the name that the client asked for, which may be none (empty).
    pub tls: Option<String>,
    /// A dependency sent it, over a connection of the application's; `app_port` and `tls` say nothing then.
    pub sender: Option<Sender>,
    /// `spec.assertions.noise`: path -> regular expressions (none: anything).
    pub noise: Vec<(String, Vec<String>)>,
    /// Whatever else stands under `spec.assertions` (Keploy's `status_code_in`, `json_contains`, ...), as found.
    pub assertions: Map,
    pub source: Source,
}

/// Who sent the application something that it had not asked for just then.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Sender {
    /// As [`Mock::destination`].
    pub destination: String,
    /// What it is sent to, in the parser's words: a queue.
    pub subject: String,
}

/// An answer to a call that the application made.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Mock {
    /// Given by the journal while recording; what the caller puts here is not read.
    pub name: String,
    pub kind: String,
    /// The plugin's schema of the request and response documents.
    pub schema: u32,
    pub class: String,
    pub lifetime: Lifetime,
    /// `host:port`, the name where one was resolved.
    pub destination: String,
    pub request: Value,
    pub responses: Vec<Response>,
    pub started: Timestamp,
    pub ended: Timestamp,
    pub connection: String,
    /// `noise.req`: paths of the request that are not compared.
    pub noise: Vec<String>,
    /// `noise.value`: regular expressions of values that Keploy obfuscated.
    pub noise_values: Vec<String>,
    /// The upstream could not be reached: what the application saw instead (`refused`, `timeout`, `unreachable`, `reset`).
    pub unreachable: Option<String>,
    pub source: Source,
}

impl Mock {
    /// Of its destination, what is behind the name: one machine may have several. Empty where there is none.
    pub fn port(&self) -> &str {
        self.destination.rsplit_once(':').map_or("", |(_, port)| port)
    }
}

/// What a recording is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    Test(TestCase),
    Mock(Mock),
}

/// A document whose kind nobody understands yet: kept as it is.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Foreign {
    pub kind: String,
    pub name: String,
    pub document: Value,
    pub source: Source,
}

/// Which mocks belong to which test.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Mapping {
    pub test: String,
    pub mocks: Vec<MappedMock>,
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct MappedMock {
    pub name: String,
    pub kind: String,
    pub started: Timestamp,
    pub ended: Timestamp,
    /// How we know: `trace` (the call carries a trace id of this test's request), `thread` (the thread that made it was working on
    /// this test), `window` (in flight at the same time as this test only), `candidate` (as other tests too; it fits this one best),
    /// `replay` (settled by a replay), `value` (a value of its answer is in this test's response). Empty: Keploy's
    /// file, which does not say.
    pub evidence: String,
}

impl MappedMock {
    /// Was it seen whose call this is, rather than concluded?
    pub fn is_witnessed(&self) -> bool {
        matches!(self.evidence.as_str(), "thread" | "trace" | "answer")
    }

    /// Was it concluded from more than the clock, with nobody having seen it?
    pub fn is_guessed(&self) -> bool {
        matches!(self.evidence.as_str(), "candidate" | "value" | "replay")
    }

    /// Is it certain that this call is the test's? Values are strong evidence, but two requests may show the same.
    pub fn is_settled(&self) -> bool {
        !matches!(self.evidence.as_str(), "candidate" | "value")
    }
}

/// What may differ from run to run though nothing has changed.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Matchers {
    /// In responses, by the kind and class of the test.
    pub tests: Vec<ClassMatchers>,
    /// In what the application asks, by the kind and class of the call.
    pub calls: Vec<ClassMatchers>,
    /// Tests that came out otherwise in one replay than in another, and how.
    pub flaky: Vec<Flaky>,
}

/// The rules for documents of one class.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ClassMatchers {
    /// `Http POST /items`
    pub of: String,
    pub rules: Vec<matcher::Rule>,
}

/// A test that came out otherwise though nothing had changed.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Flaky {
    pub test: String,
    pub what: Vec<String>,
}

/// A place in a test's expected response at which a template stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Templated {
    pub test: String,
    /// Which of its responses.
    pub response: usize,
    /// As paths of differences are.
    pub at: String,
}

/// A whole test set, as loaded.
#[derive(Clone, Debug, Default)]
pub struct TestSet {
    pub name: String,
    pub directory: PathBuf,
    /// In the order they were recorded.
    pub tests: Vec<TestCase>,
    /// In the order they were recorded.
    pub mocks: Vec<Mock>,
    pub mappings: Vec<Mapping>,
    /// When the application was started, where that is known.
    pub began: Option<Timestamp>,
    /// None: nothing was learned yet.
    pub matchers: Option<Matchers>,
    pub foreign: Vec<Foreign>,
    /// What the documents' placeholders stand for; here the documents have the values, or what stands in for them.
    pub secrets: crate::Vault,
    /// What parsers were told while recording, and have to be told again.
    pub settings: crate::ParserSettings,
    /// `template` in `config.yaml`: names and values. They are resolved in what is loaded.
    pub templates: Vec<(String, String)>,
    /// Where they stand in what tests expect.
    pub templated: Vec<Templated>,
}
