//! Who the client is, and how it proves it.
//!
//! A log-in is one exchange, however many steps it has: who logs in, and whether he may. What is said to prove it is in no
//! document. A client that logs in by SCRAM wants proof from the server, too: so a mock needs the password, and
//! [`Passwords`] says where it comes from.
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use keploy_scram::{self as scram, Hash, Passwords, Refusal, Scram};
use keploy_sdk::{Level, Map, Session, Value};
use md5::{Digest, Md5};

use crate::{
    command::name,
    errors::{self, Code},
};

/// What a password is written as.
pub const HIDDEN: &str = "<hidden>";
/// The field of a log-in's document that holds the mechanism.
pub const AUTHENTICATE: &str = "authenticate";
/// What a mock can do with a password.
pub const MECHANISMS: [&str; 2] = [Hash::Sha1.mechanism(), Hash::Sha256.mechanism()];

const CONVERSATION: i32 = 1;

/// The log-in's hash, if MongoDB has it.
fn hash_of(mechanism: &str) -> Option<Hash> {
    Hash::of(mechanism).filter(|hash| MECHANISMS.contains(&hash.mechanism()))
}

/// What a client says to log in.
pub struct Step {
    db: String,
    kind: Kind,
}

enum Kind {
    /// saslStart, or all there is to say about a certificate.
    Begin {
        mechanism: String,
        payload: Vec<u8>,
        /// The server's proof may be its last word.
        short: bool,
    },
    /// saslContinue
    GoOn { payload: Vec<u8> },
}

/// What a server said to a step.
pub enum Outcome {
    GoesOn,
    Accepted,
    Refused(Value),
}

impl Step {
    pub fn of(db: &str, command: &Value) -> Option<Self> {
        let mechanism = || Some(command.get("mechanism")?.as_str()?.to_owned());
        let payload = || command.get("payload").map(bytes_of).unwrap_or_default();
        let kind = match name(command) {
            "saslStart" => {
                let short = command.get("options").and_then(|options| options.get("skipEmptyExchange"));
                Kind::Begin { mechanism: mechanism()?, payload: payload(), short: short == Some(&Value::Bool(true)) }
            }
            "authenticate" => {
                let user = command.get("user").and_then(Value::as_str).unwrap_or_default();
                Kind::Begin { mechanism: mechanism()?, payload: user.into(), short: true }
            }
            "saslContinue" => Kind::GoOn { payload: payload() },
            _ => return None,
        };
        Some(Self { db: db.to_owned(), kind })
    }

    pub fn goes_on(&self) -> bool {
        matches!(self.kind, Kind::GoOn { .. })
    }

    /// Who logs in, and how: of a first step.
    pub fn document(&self) -> Value {
        let document = Map::new();
        let document = if self.db.is_empty() { document } else { document.with("db", self.db.as_str()) };
        let Kind::Begin { mechanism, payload, .. } = &self.kind else { return document.into() };
        let user = match mechanism.as_str() {
            "PLAIN" => payload.split(|byte| *byte == 0).nth(1).map(|user| String::from_utf8_lossy(user).into_owned()),
            "MONGODB-X509" => String::from_utf8(payload.clone()).ok(),
            _ => scram::user(payload),
        };
        let document = document.with(AUTHENTICATE, mechanism.as_str());
        let user = user.filter(|user| !user.is_empty());
        user.into_iter().fold(document, |document, user| document.with("user", user)).into()
    }
}

impl Outcome {
    pub fn of(reply: &Value) -> Self {
        let is_ok = |ok: &Value| matches!(ok, Value::Float(1.0) | Value::Int(1) | Value::Bool(true));
        match (reply.get("ok"), reply.get("done")) {
            (Some(ok), _) if !is_ok(ok) => Self::Refused(reply.clone()),
            (_, Some(Value::Bool(false))) => Self::GoesOn,
            _ => Self::Accepted,
        }
    }
}

/// The server's side of a log-in.
pub struct LogIn {
    passwords: Passwords,
    begun: Option<Begun>,
    /// The client has its proof, and has still to say that it believes it.
    proved: bool,
}

struct Begun {
    hash: Hash,
    scram: Scram,
    /// The server's proof may be its last word.
    short: bool,
}

impl LogIn {
    pub fn new(passwords: Passwords) -> Self {
        Self { passwords, begun: None, proved: false }
    }

    /// The reply to a first step.
    pub fn begin(&mut self, host: &mut dyn Session, step: &Step) -> Map {
        let Kind::Begin { mechanism, payload, short } = &step.kind else { return refusal("it has not begun") };
        match mechanism.as_str() {
            // The server's word is all that these want.
            "PLAIN" => said(true, ""),
            "MONGODB-X509" => {
                let user = String::from_utf8_lossy(payload);
                Map::new().with("dbname", step.db.as_str()).with("user", user.as_ref()).with("ok", 1.0)
            }
            _ => match hash_of(mechanism).and_then(|hash| Some((hash, Scram::begin(hash, payload)?))) {
                None => refusal(&format!("a log-in with {mechanism} cannot be answered")),
                Some((_, (scram, _))) if self.passwords.of(scram.user()).is_empty() => no_password(host, scram.user()),
                Some((hash, (scram, challenge))) => {
                    self.begun = Some(Begun { hash, scram, short: *short });
                    said(false, &challenge)
                }
            },
        }
    }

    /// The reply to a first step that came with hello. None: the client has to take it again, by itself.
    pub fn speculate(&mut self, host: &mut dyn Session, step: &Step) -> Option<Map> {
        let Kind::Begin { mechanism, payload, .. } = &step.kind else { return None };
        let user = scram::user(payload).filter(|_| hash_of(mechanism).is_some())?;
        if self.passwords.of(&user).is_empty() {
            return None;
        }
        let reply = self.begin(host, step);
        reply.get("payload").is_some().then_some(reply)
    }

    /// The reply to a further step.
    pub fn go_on(&mut self, host: &mut dyn Session, step: &Step) -> Map {
        let Kind::GoOn { payload } = &step.kind else { return refusal("it has begun") };
        if std::mem::take(&mut self.proved) {
            return said(true, "");
        }
        let Some(Begun { hash, scram, short }) = self.begun.take() else { return refusal("it has not begun") };
        let user = scram.user().to_owned();
        let passwords = self.passwords.of(&user).into_iter().map(|password| match hash {
            Hash::Sha1 => digested(&user, password),
            _ => password.to_owned(),
        });
        let passwords: Vec<String> = passwords.collect();
        match scram.prove(host, passwords.iter().map(String::as_str), payload) {
            Ok(proof) => {
                self.proved = !short;
                said(short, &proof)
            }
            Err(Refusal::Malformed) => refusal("its last message is not SCRAM"),
            Err(Refusal::NoPasswordFits) => {
                let message = format!("the application logs in as {user} with a password that keploy does not know");
                host.log(Level::Error, &format!("{message}\n{HINT}"));
                refusal(&message)
            }
        }
    }
}

/// What a password is to SCRAM-SHA-1.
/// <https://github.com/mongodb/specifications/blob/master/source/auth/auth.md>
fn digested(user: &str, password: &str) -> String {
    Md5::digest(format!("{user}:mongo:{password}")).iter().map(|byte| format!("{byte:02x}")).collect()
}

const HINT: &str =
    "hint: put it into keploy.yml as test.mongoPassword, or into the environment, where the application has it";

fn no_password(host: &mut dyn Session, user: &str) -> Map {
    let message = format!("the application logs in as {user}, and wants a proof for which its password is needed");
    host.log(Level::Error, &format!("{message}\n{HINT}"));
    refusal(&message)
}

fn refusal(reason: &str) -> Map {
    errors::reply(Code::AuthenticationFailed, reason)
}

fn said(done: bool, payload: &str) -> Map {
    let payload = Map::new().with("base64", BASE64.encode(payload)).with("subType", "00");
    let payload = Map::new().with("$binary", payload);
    Map::new().with("conversationId", CONVERSATION).with("done", done).with("payload", payload).with("ok", 1.0)
}

/// Of a binary value, or of a text, which old drivers send.
fn bytes_of(value: &Value) -> Vec<u8> {
    let base64 = value.get("$binary").and_then(|binary| binary.get("base64")).and_then(Value::as_str);
    match base64 {
        Some(text) => BASE64.decode(text).unwrap_or_default(),
        None => value.as_raw().unwrap_or_default().to_vec(),
    }
}
