//! Documents as records: ours, and what Keploy's have in common with them.
use document::{Map, Value};

use super::{Complaint, Fields, VERSION, keys};
use crate::{Lifetime, Mock, Record, Response, Sender, TestCase, Timestamp};

/// What a document is read as: the file it is in says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mould {
    Test,
    Mock,
}

/// The outer keys of any document.
pub(crate) struct Envelope {
    pub kind: String,
    /// Empty when it has none.
    pub name: String,
    /// `spec.metadata.schema`; none: not written by us.
    pub schema: Option<u32>,
    outer: Fields,
}

/// A record from a document that we wrote.
pub(crate) fn record(document: Map, mould: Mould) -> Result<Record, Complaint> {
    let envelope = Envelope::open(Value::Map(document))?;
    let schema = envelope.schema.unwrap_or_default();
    envelope.record(mould, schema)
}

impl Envelope {
    pub fn open(document: Value) -> Result<Self, Complaint> {
        let Value::Map(map) = document else {
            return Err(Complaint::new(&[], "this is no map", "a document has `version`, `kind`, `name` and `spec`"));
        };
        let mut outer = Fields::top(map);
        match outer.text("version")? {
            Some(version) if version == VERSION => {}
            Some(version) => {
                let hint = format!("this keploy reads `{VERSION}`; the document is newer, or it is not Keploy's");
                return Err(Complaint::new(&["version"], format!("`version` is `{version}`"), hint));
            }
            None => return Err(outer.missing("version", &format!("add `version: {VERSION}`"))),
        }
        let kind = outer.text("kind")?;
        let kind = kind.ok_or_else(|| outer.missing("kind", "add the protocol, e.g. `kind: Http`"))?;
        let name = outer.text("name")?.unwrap_or_default();
        let metadata = outer.peek("spec").and_then(|spec| spec.get("metadata"));
        let schema = metadata.and_then(|metadata| metadata.get("schema"));
        let schema = match schema {
            None => None,
            Some(Value::Int(n)) => u32::try_from(*n).ok(),
            Some(other) => other.as_str().and_then(|text| text.parse().ok()),
        };
        Ok(Self { kind, name, schema, outer })
    }

    /// `spec` as it stands, for a plugin to upgrade.
    pub fn spec(&self) -> Result<&Value, Complaint> {
        match self.outer.peek("spec") {
            Some(spec @ Value::Map(_)) => Ok(spec),
            Some(other) => Err(self.outer.wrong("spec", "a map", other)),
            None => Err(self.outer.missing("spec", "a document's content is under `spec`")),
        }
    }

    /// Reads the request and the responses as this kind writes them today, and everything around them.
    pub fn record(mut self, mould: Mould, schema: u32) -> Result<Record, Complaint> {
        self.spec()?;
        let keys = keys(&self.kind);
        let mut spec = self.outer.fields("spec")?;
        let mut metadata = spec.fields("metadata")?;
        let request = spec.take(keys.request).ok_or_else(|| {
            spec.missing(keys.request, "a document without its request cannot be used; record it again")
        })?;
        let (request, responses) = (request, responses(&mut spec, keys.response)?);
        let around = Around::read(self.kind, self.name, schema, self.outer, spec, &mut metadata)?;
        Ok(match mould {
            Mould::Test => Record::Test(around.test(request, responses, metadata)?),
            Mould::Mock => Record::Mock(around.mock(request, responses, metadata)?),
        })
    }

    /// Everything around the documents, as one test or mock; the documents are the caller's.
    pub fn around(mut self, mould: Mould) -> Result<Record, Complaint> {
        let mut spec = self.outer.fields("spec")?;
        let times = section_times(&spec);
        let mut metadata = spec.fields("metadata")?;
        let mut around = Around::read(self.kind, self.name, 0, self.outer, spec, &mut metadata)?;
        around.started = around.started.or(times.0);
        around.ended = around.ended.or(times.1);
        Ok(match mould {
            Mould::Test => Record::Test(around.test(Value::Null, Vec::new(), metadata)?),
            Mould::Mock => Record::Mock(around.mock(Value::Null, Vec::new(), metadata)?),
        })
    }

    /// The document as it was found.
    pub fn into_foreign(self) -> (String, String, Value) {
        let inner = self.outer.rest();
        let whole =
            Map::new().with("version", VERSION).with("kind", self.kind.as_str()).with("name", self.name.as_str());
        let whole = inner.into_iter().fold(whole, |whole, (key, value)| whole.with(key, value));
        (self.kind, self.name, whole.into())
    }
}

/// What a test and a mock have in common beside their documents.
struct Around {
    kind: String,
    name: String,
    schema: u32,
    class: String,
    connection: String,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
    outer: Fields,
    spec: Fields,
}

impl Around {
    fn read(
        kind: String,
        name: String,
        schema: u32,
        mut outer: Fields,
        mut spec: Fields,
        metadata: &mut Fields,
    ) -> Result<Self, Complaint> {
        let started = either_time(&mut spec, "reqTimestampMock", "reqtimestampmock")?;
        let ended = either_time(&mut spec, "resTimestampMock", "restimestampmock")?;
        let inner = metadata.text("connID")?;
        let connection = outer.text("connectionId")?.or(inner).unwrap_or_default();
        let class = metadata.text("class")?.unwrap_or_default();
        Ok(Self { kind, name, schema, class, connection, started, ended, outer, spec })
    }

    fn test(
        mut self,
        mut request: Value,
        mut responses: Vec<Answer>,
        mut metadata: Fields,
    ) -> Result<TestCase, Complaint> {
        let started = match metadata.time("started")? {
            Some(at) => at,
            None => own_timestamp(&mut request).or(self.started).unwrap_or_default(),
        };
        if let [only] = responses.as_mut_slice()
            && only.at.is_none()
        {
            only.at = match metadata.time("answered")? {
                Some(at) => Some(at),
                None => own_timestamp(&mut only.body),
            };
        }
        let last = responses.last().and_then(|answer| answer.at);
        let ended = metadata.time("ended")?.or(last).or(self.ended).unwrap_or(started);
        let mut assertions = self.spec.fields("assertions")?;
        let noise = noise(&mut assertions)?;
        let sender = match metadata.text("destination")? {
            Some(destination) => {
                let subject = metadata.text("subject")?.unwrap_or_default();
                Some(Sender { destination, subject })
            }
            None => None,
        };
        Ok(TestCase {
            name: self.name,
            kind: self.kind,
            schema: self.schema,
            class: self.class,
            request,
            responses: settle(responses, ended),
            started,
            ended,
            connection: self.connection,
            app_port: self.spec.number("app_port")?.unwrap_or_default(),
            tls: self.spec.text("tls")?,
            sender,
            noise,
            assertions: assertions.rest(),
            source: Default::default(),
        })
    }

    fn mock(mut self, request: Value, mut responses: Vec<Answer>, mut metadata: Fields) -> Result<Mock, Complaint> {
        let started = self.started.unwrap_or_default();
        let ended = self.ended.unwrap_or(started);
        if let [only] = responses.as_mut_slice()
            && only.at.is_none()
        {
            only.at = metadata.time("answered")?;
        }
        let (noise, noise_values) = mock_noise(&mut self.outer)?;
        Ok(Mock {
            name: self.name,
            kind: self.kind,
            schema: self.schema,
            class: self.class,
            lifetime: lifetime(&mut metadata)?,
            destination: match metadata.text("destination")? {
                Some(destination) => destination,
                None => metadata.text("destAddr")?.unwrap_or_default(),
            },
            request,
            responses: settle(responses, ended),
            started,
            ended,
            connection: self.connection,
            noise,
            noise_values,
            unreachable: metadata.text("unreachable")?,
            source: Default::default(),
        })
    }
}

/// A response whose time may be said elsewhere.
struct Answer {
    body: Value,
    at: Option<Timestamp>,
}

fn settle(answers: Vec<Answer>, ended: Timestamp) -> Vec<Response> {
    answers.into_iter().map(|answer| Response { body: answer.body, at: answer.at.unwrap_or(ended) }).collect()
}

fn responses(spec: &mut Fields, key: &str) -> Result<Vec<Answer>, Complaint> {
    if let Some(body) = spec.take(key) {
        return Ok(vec![Answer { body, at: None }]);
    }
    let entry = |mut entry: Fields| {
        let at = entry.time("at")?;
        Ok(Answer { body: entry.take(key).unwrap_or_default(), at })
    };
    spec.list("responses")?.into_iter().map(entry).collect()
}

/// Takes the `timestamp` that we put into a test's documents out again.
fn own_timestamp(document: &mut Value) -> Option<Timestamp> {
    let map = document.as_map_mut()?;
    let at = crate::time::parse(map.get("timestamp")?.as_str()?)?;
    map.remove("timestamp");
    Some(at)
}

/// Keploy's tests have times inside their sections (`req`, `resp`, `grpcReq`, ...): the first one's is the request's,
/// the last one's the response's.
fn section_times(spec: &Fields) -> (Option<Timestamp>, Option<Timestamp>) {
    let keys = spec.keys();
    let mut times = keys.iter().filter_map(|key| {
        let at = spec.peek(key)?.get("timestamp")?.as_str()?;
        crate::time::parse(at)
    });
    let first = times.next();
    (first, times.next_back())
}

/// HTTP has it in mixed case, MySQL in lower case.
fn either_time(spec: &mut Fields, key: &str, other: &str) -> Result<Option<Timestamp>, Complaint> {
    if spec.has(key) { spec.time(key) } else { spec.time(other) }
}

/// `metadata.lifetime`; without one what Keploy's `type: config` means.
fn lifetime(metadata: &mut Fields) -> Result<Lifetime, Complaint> {
    let config = metadata.text("type")?.is_some_and(|value| value == "config");
    let written = metadata.peek("lifetime").cloned();
    Ok(match metadata.text("lifetime")?.as_deref() {
        Some("test" | "perTest") => Lifetime::Test,
        Some("connection") => Lifetime::Connection,
        Some("session") => Lifetime::Session,
        None if config => Lifetime::Session,
        None => Lifetime::Test,
        Some(_) => {
            return Err(metadata.wrong("lifetime", "`test`, `connection` or `session`", &written.unwrap_or_default()));
        }
    })
}

/// `noise: {path: [pattern]}`, or the older list of paths.
fn noise(assertions: &mut Fields) -> Result<Vec<(String, Vec<String>)>, Complaint> {
    if matches!(assertions.peek("noise"), Some(Value::Array(_) | Value::Text(_))) {
        return Ok(assertions.texts("noise")?.into_iter().map(|path| (path, Vec::new())).collect());
    }
    let mut fields = assertions.fields("noise")?;
    fields.keys().into_iter().map(|path| Ok((path.clone(), fields.texts(&path)?))).collect()
}

/// `noise: {req: [path], value: [pattern]}`, or the older list, which meant values.
fn mock_noise(outer: &mut Fields) -> Result<(Vec<String>, Vec<String>), Complaint> {
    if matches!(outer.peek("noise"), Some(Value::Array(_) | Value::Text(_))) {
        return Ok((Vec::new(), outer.texts("noise")?));
    }
    let mut fields = outer.fields("noise")?;
    Ok((fields.texts("req")?, fields.texts("value")?))
}
