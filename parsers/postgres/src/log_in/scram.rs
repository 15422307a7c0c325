//! SCRAM-SHA-256 without channel binding, the client's side. <https://www.rfc-editor.org/rfc/rfc7677>
use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, Mac};
use keploy_sdk::{Fault, Session};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

pub const MECHANISM: &[u8] = b"SCRAM-SHA-256";

/// Overwritten when dropped, and never shown.
pub struct Password(Zeroizing<Vec<u8>>);

impl Password {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A nonce. There is no randomness here, and none is needed: it has to differ from log-in to log-in, which the
    /// `occasion` sees to, and to be foreseen by nobody who does not know the password anyway.
    pub fn nonce(&self, occasion: &str) -> String {
        BASE64.encode(&hmac(&self.0, occasion.as_bytes())[..18])
    }

    /// SASLprep changes nothing about it. Beyond ASCII it may, which would need tables of all of Unicode: such a
    /// password is used as it is, which is right for what keyboards write, composed letters.
    pub fn is_prepared(&self) -> bool {
        self.0.is_ascii()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// The client has begun.
#[derive(Debug)]
pub struct Begun {
    password: Password,
    user: &'static str,
    nonce: String,
}

/// The client has proved who it is; the server has not.
#[derive(Debug)]
pub struct Proved {
    server_key: [u8; 32],
    conversation: String,
}

/// Why there is no proof.
#[derive(Debug)]
pub enum Refusal {
    /// The server's words are not SCRAM.
    Malformed(Fault),
    /// They are, but the key cannot be derived here.
    Underivable(String),
}

impl Begun {
    pub fn new(password: Password, nonce: String) -> Self {
        // PostgreSQL takes the user of the start-up packet.
        Self { password, user: "", nonce }
    }

    /// `client-first-message`: `n` says that the client knows no channel binding.
    pub fn first(&self) -> String {
        format!("n,,{}", self.bare())
    }

    fn bare(&self) -> String {
        format!("n={},r={}", self.user, self.nonce)
    }

    /// `client-final-message`, for the `server-first-message`.
    pub fn prove(self, host: &dyn Session, server: &[u8]) -> Result<(String, Proved), Refusal> {
        let Some((nonce, salt, rounds)) = challenge(server).filter(|(nonce, ..)| is_longer(nonce, &self.nonce)) else {
            // Not what was said: it might be anything.
            let message = "the server's first message is not `r=NONCE,s=SALT,i=ROUNDS` with our nonce";
            return Err(Refusal::Malformed(Fault::new("bad-scram", message)));
        };
        let salted = host.derive_key(&self.password.0, &salt, rounds).map_err(Refusal::Underivable)?;
        let salted = Zeroizing::new(salted);
        let client_key = Zeroizing::new(hmac(&salted, b"Client Key"));
        let server = String::from_utf8_lossy(server);
        let last = format!("c={},r={nonce}", BASE64.encode("n,,"));
        let conversation = format!("{},{server},{last}", self.bare());
        let signature = hmac(&Sha256::digest(*client_key), conversation.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(signature).map(|(key, signature)| key ^ signature).collect();
        let proved = Proved { server_key: hmac(&salted, b"Server Key"), conversation };
        Ok((format!("{last},p={}", BASE64.encode(proof)), proved))
    }
}

impl Proved {
    /// Whether the `server-final-message` proves that the server knows the password, too.
    pub fn is_proved_by(&self, server: &[u8]) -> bool {
        let signature = server.strip_prefix(b"v=").and_then(|signature| BASE64.decode(signature).ok());
        signature.is_some_and(|signature| {
            keyed(&self.server_key).chain_update(&self.conversation).verify_slice(&signature).is_ok()
        })
    }
}

/// The nonce, the salt and the number of rounds.
fn challenge(server: &[u8]) -> Option<(&str, Vec<u8>, u32)> {
    let mut attributes = std::str::from_utf8(server).ok()?.split(',');
    let nonce = attributes.next()?.strip_prefix("r=")?;
    let salt = BASE64.decode(attributes.next()?.strip_prefix("s=")?).ok()?;
    let rounds = attributes.next()?.strip_prefix("i=")?.parse().ok()?;
    Some((nonce, salt, rounds))
}

fn is_longer(nonce: &str, ours: &str) -> bool {
    nonce.strip_prefix(ours).is_some_and(|added| !added.is_empty())
}

fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    keyed(key).chain_update(data).finalize().into_bytes().into()
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use keploy_sdk::testing::Recorder;

    use super::*;

    const FIRST: &[u8] = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    fn begun() -> Begun {
        Begun { password: Password::new(b"pencil".to_vec()), user: "user", nonce: "rOprNGfwEbeRWgbNEkqO".into() }
    }

    /// RFC 7677, section 3.
    #[test]
    fn the_example_of_the_standard() {
        assert_eq!(begun().first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let (last, proved) = begun().prove(&Recorder::new(), FIRST).expect("it is well-formed");
        assert_eq!(
            last,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert!(proved.is_proved_by(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
        for other in ["v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", "v=", "e=invalid-proof", ""] {
            assert!(!proved.is_proved_by(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn what_is_no_challenge_is_refused() {
        let others: [&[u8]; 7] = [
            b"",
            b"r=rOprNGfwEbeRWgbNEkqO,s=W22Z,i=1", // the server added nothing
            b"r=other,s=W22Z,i=1",
            b"m=x,r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=1",
            b"r=rOprNGfwEbeRWgbNEkqOx,s=!,i=1",
            b"r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=-1",
            b"\xff",
        ];
        for other in others {
            assert!(matches!(begun().prove(&Recorder::new(), other), Err(Refusal::Malformed(_))), "{other:?}");
        }
        let endless = b"r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=2000000000";
        assert!(matches!(begun().prove(&Recorder::new(), endless), Err(Refusal::Underivable(_))));
    }

    #[test]
    fn nonces_differ_and_passwords_do_not_show() {
        let password = Password::new(b"pencil".to_vec());
        assert_ne!(password.nonce("monday"), password.nonce("tuesday"));
        assert_ne!(password.nonce("monday"), Password::new(b"ink".to_vec()).nonce("monday"));
        let shown = format!("{:?}", begun());
        assert!(!shown.contains("pencil") && !shown.contains(&format!("{:?}", b"pencil")), "{shown}");
    }
}
