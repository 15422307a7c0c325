//! Who the client is, and how it proves it.
//!
//! By PLAIN and OAUTHBEARER the broker's word is all that a client wants. By SCRAM it wants proof from the broker, too, for
//! which a mock needs the password.
use keploy_scram::{Hash, Passwords, Refusal, Scram};
use keploy_sdk::{Level, Map, Session, Value};

/// SASL_AUTHENTICATION_FAILED
const NOT_AUTHENTICATED: i64 = 58;
const HINT: &str = "hint: put it into keploy.yml as plugins.Kafka.password, or into the environment, where the application \
                    has it (under a name with PASS, PWD or SECRET in it, or as a JAAS configuration)";

/// The broker's side of a log-in.
pub struct LogIn {
    passwords: Passwords,
    step: Step,
}

enum Step {
    /// No mechanism, or one that wants no proof.
    Believing,
    First(Hash),
    Last(Scram),
}

impl LogIn {
    pub fn new(passwords: Passwords) -> Self {
        Self { passwords, step: Step::Believing }
    }

    /// A handshake names the mechanism.
    pub fn hears(&mut self, request: &Value) {
        if request.get("api").and_then(Value::as_str) == Some("SaslHandshake") {
            let mechanism = request.get("mechanism").and_then(Value::as_str).unwrap_or_default();
            self.step = Hash::of(mechanism).map_or(Step::Believing, Step::First);
        }
    }

    /// What the broker says to the client's next word.
    ///
    /// # Errors
    /// Why it is not let in.
    pub fn step(&mut self, host: &mut dyn Session, said: &[u8]) -> Result<Vec<u8>, String> {
        match std::mem::replace(&mut self.step, Step::Believing) {
            Step::Believing => Ok(Vec::new()),
            Step::First(hash) => {
                let (scram, challenge) = Scram::begin(hash, said).ok_or("its first message is not SCRAM")?;
                let user = scram.user();
                if self.passwords.of(user).is_empty() {
                    let why = format!(
                        "the application logs in as {user}, and wants a proof for which its password is needed"
                    );
                    return Err(refusal(host, why));
                }
                self.step = Step::Last(scram);
                Ok(challenge.into_bytes())
            }
            Step::Last(scram) => {
                let user = scram.user().to_owned();
                match scram.prove(host, self.passwords.of(&user), said) {
                    Ok(proof) => Ok(proof.into_bytes()),
                    Err(Refusal::Malformed) => Err("its last message is not SCRAM".to_owned()),
                    Err(Refusal::NoPasswordFits) => {
                        let why =
                            format!("the application logs in as {user} with a password that keploy does not know");
                        Err(refusal(host, why))
                    }
                }
            }
        }
    }
}

fn refusal(host: &mut dyn Session, why: String) -> String {
    host.log(Level::Error, &format!("{why}\n{HINT}"));
    why
}

/// With what was recorded of it (how long a session lives), where there is a record.
pub fn response(said: &Result<Vec<u8>, String>, recorded: Option<Value>) -> Map {
    match (said, recorded) {
        (Ok(said), Some(Value::Map(recorded))) => recorded.with("authBytes", said.clone()),
        (Ok(said), _) => Map::new().with("authBytes", said.clone()),
        (Err(why), _) => {
            let why = format!("keploy: {why}");
            Map::new()
                .with("errorCode", NOT_AUTHENTICATED)
                .with("errorMessage", why)
                .with("authBytes", Vec::<u8>::new())
        }
    }
}
