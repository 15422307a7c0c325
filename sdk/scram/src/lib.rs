//! SCRAM, the server's side: a client that logs in so wants proof from the server, too, so that a mock needs the password,
//! and [`Passwords`] says where it comes from. <https://www.rfc-editor.org/rfc/rfc5802>
#![forbid(unsafe_code)]
mod passwords;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, Mac};
use keploy_sdk::Session;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

pub use passwords::Passwords;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

/// The least that clients accept: there is nothing here to protect.
const ROUNDS: u32 = 4096;
/// What we add to a client's nonce. It is a proof of nothing, since the client's password is known to both.
const NONCE: &str = "replayedByKeploy";
const SALT: &[u8] = b"keploy has no user's real salt!!";

/// A log-in that was begun.
pub struct Scram {
    hash: Hash,
    user: String,
    nonce: String,
    /// What both have said so far.
    said: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is not SCRAM.
    Malformed,
    NoPasswordFits,
}

impl Hash {
    pub const fn mechanism(self) -> &'static str {
        match self {
            Self::Sha1 => "SCRAM-SHA-1",
            Self::Sha256 => "SCRAM-SHA-256",
            Self::Sha512 => "SCRAM-SHA-512",
        }
    }

    pub fn of(mechanism: &str) -> Option<Self> {
        [Self::Sha1, Self::Sha256, Self::Sha512].into_iter().find(|hash| hash.mechanism() == mechanism)
    }

    fn salt(self) -> &'static [u8] {
        match self {
            Self::Sha1 => &SALT[..16],
            Self::Sha256 | Self::Sha512 => &SALT[..28],
        }
    }

    /// SASLprep changes nothing about ASCII. Beyond, it may, which would need tables of all of Unicode: such a password is
    /// used as it is, which is right for what keyboards write, composed letters.
    fn salted(self, host: &dyn Session, password: &str) -> Option<Vec<u8>> {
        let (password, salt) = (password.as_bytes(), self.salt());
        match self {
            Self::Sha1 => Some(pbkdf2::pbkdf2_hmac_array::<Sha1, 20>(password, salt, ROUNDS).to_vec()),
            Self::Sha256 => host.derive_key(password, salt, ROUNDS).ok(),
            Self::Sha512 => Some(pbkdf2::pbkdf2_hmac_array::<Sha512, 64>(password, salt, ROUNDS).to_vec()),
        }
    }

    fn keyed(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => mac(Hmac::<Sha1>::new_from_slice(key), data),
            Self::Sha256 => mac(Hmac::<Sha256>::new_from_slice(key), data),
            Self::Sha512 => mac(Hmac::<Sha512>::new_from_slice(key), data),
        }
    }

    fn digest(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(data).to_vec(),
            Self::Sha256 => Sha256::digest(data).to_vec(),
            Self::Sha512 => Sha512::digest(data).to_vec(),
        }
    }
}

fn mac<M: Mac, E: std::fmt::Debug>(keyed: Result<M, E>, data: &[u8]) -> Vec<u8> {
    keyed.expect("HMAC takes keys of any length").chain_update(data).finalize().into_bytes().to_vec()
}

/// Who it is, in a `client-first-message`.
pub fn user(first: &[u8]) -> Option<String> {
    let bare = std::str::from_utf8(first).ok()?.splitn(3, ',').nth(2)?;
    let user = bare.split(',').next()?.strip_prefix("n=")?;
    Some(user.replace("=2C", ",").replace("=3D", "="))
}

impl Scram {
    /// For the `client-first-message`, with the `server-first-message`. None: it is not SCRAM.
    pub fn begin(hash: Hash, first: &[u8]) -> Option<(Self, String)> {
        let user = user(first)?;
        let bare = std::str::from_utf8(first).ok()?.splitn(3, ',').nth(2)?;
        let nonce = format!("{}{NONCE}", bare.split(',').nth(1)?.strip_prefix("r=")?);
        let challenge = format!("r={nonce},s={},i={ROUNDS}", BASE64.encode(hash.salt()));
        let said = format!("{bare},{challenge}");
        Some((Self { hash, user, nonce, said }, challenge))
    }

    pub fn user(&self) -> &str {
        &self.user
    }

    /// The `server-final-message`, for the `client-final-message`, if one of `passwords` made it.
    ///
    /// # Errors
    /// When none did, or it is no such message.
    pub fn prove<'p>(
        self,
        host: &dyn Session,
        passwords: impl IntoIterator<Item = &'p str>,
        last: &[u8],
    ) -> Result<String, Refusal> {
        let last = std::str::from_utf8(last).ok().and_then(|last| last.rsplit_once(",p="));
        let (last, proof) = last.ok_or(Refusal::Malformed)?;
        let proof = BASE64.decode(proof).map_err(|_| Refusal::Malformed)?;
        if !last.ends_with(&format!(",r={}", self.nonce)) {
            return Err(Refusal::Malformed);
        }
        let said = format!("{},{last}", self.said);
        for password in passwords {
            let Some(salted) = self.hash.salted(host, password) else { continue };
            let client_key = self.hash.keyed(&salted, b"Client Key");
            let signature = self.hash.keyed(&self.hash.digest(&client_key), said.as_bytes());
            if proof.len() == signature.len() && proof.iter().zip(signature).map(|(a, b)| a ^ b).eq(client_key) {
                let server_key = self.hash.keyed(&salted, b"Server Key");
                return Ok(format!("v={}", BASE64.encode(self.hash.keyed(&server_key, said.as_bytes()))));
            }
        }
        Err(Refusal::NoPasswordFits)
    }
}

#[cfg(test)]
mod tests {
    use keploy_sdk::testing::Recorder;

    use super::*;

    /// What a client says, as RFC 5802 has it.
    fn last(hash: Hash, password: &str, challenge: &str, bare: &str) -> Vec<u8> {
        let nonce = challenge.split(',').next().expect("there is always one").trim_start_matches("r=");
        let without = format!("c=biws,r={nonce}");
        let said = format!("{bare},{challenge},{without}");
        let salted = hash.salted(&Recorder::default(), password).expect("it is derived");
        let client_key = hash.keyed(&salted, b"Client Key");
        let signature = hash.keyed(&hash.digest(&client_key), said.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        format!("{without},p={}", BASE64.encode(proof)).into_bytes()
    }

    #[test]
    fn who_knows_the_password_is_given_the_proof() {
        for hash in [Hash::Sha1, Hash::Sha256, Hash::Sha512] {
            assert_eq!(Hash::of(hash.mechanism()), Some(hash));
            let begin = || Scram::begin(hash, b"n,,n=a=2Cda,r=abc").expect("it is SCRAM");
            let (scram, challenge) = begin();
            assert_eq!(scram.user(), "a,da");
            let said = last(hash, "secret", &challenge, "n=a=2Cda,r=abc");
            let prove = |passwords: &[&'static str], last: &[u8]| {
                begin().0.prove(&Recorder::default(), passwords.iter().copied(), last)
            };
            assert!(prove(&["other", "secret"], &said).is_ok_and(|proof| proof.starts_with("v=")));
            assert_eq!(prove(&["other"], &said), Err(Refusal::NoPasswordFits));
            assert_eq!(prove(&["secret"], b"c=biws,r=other,p=AAAA"), Err(Refusal::Malformed));
        }
        assert!(Scram::begin(Hash::Sha256, b"hello").is_none());
    }
}
