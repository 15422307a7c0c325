//! SCRAM, the server's side. <https://www.rfc-editor.org/rfc/rfc5802>, and what MongoDB makes of it:
//! <https://github.com/mongodb/specifications/blob/master/source/auth/auth.md>
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, Mac};
use keploy_sdk::Session;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

#[derive(Clone, Copy)]
pub enum Hash {
    Sha1,
    Sha256,
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
    /// The server's proof may be its last word.
    pub short: bool,
    nonce: String,
    /// What both have said so far.
    said: String,
}

pub enum Refusal {
    Malformed,
    NoPasswordFits,
}

impl Hash {
    pub const fn mechanism(self) -> &'static str {
        match self {
            Self::Sha1 => "SCRAM-SHA-1",
            Self::Sha256 => "SCRAM-SHA-256",
        }
    }

    pub fn of(mechanism: &str) -> Option<Self> {
        [Self::Sha1, Self::Sha256].into_iter().find(|hash| hash.mechanism() == mechanism)
    }

    fn salt(self) -> &'static [u8] {
        match self {
            Self::Sha1 => &SALT[..16],
            Self::Sha256 => &SALT[..28],
        }
    }

    fn salted(self, host: &dyn Session, user: &str, password: &str) -> Option<Vec<u8>> {
        match self {
            Self::Sha1 => {
                let digest = Md5::digest(format!("{user}:mongo:{password}"));
                let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                let salted = pbkdf2::pbkdf2_hmac_array::<Sha1, 20>(digest.as_bytes(), self.salt(), ROUNDS);
                Some(salted.to_vec())
            }
            // SASLprep changes nothing about ASCII. Beyond, it may, which would need tables of all of Unicode: such a
            // password is used as it is, which is right for what keyboards write, composed letters.
            Self::Sha256 => host.derive_key(password.as_bytes(), self.salt(), ROUNDS).ok(),
        }
    }

    fn keyed(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        const ANY: &str = "HMAC takes keys of any length";
        match self {
            Self::Sha1 => {
                Hmac::<Sha1>::new_from_slice(key).expect(ANY).chain_update(data).finalize().into_bytes().to_vec()
            }
            Self::Sha256 => {
                Hmac::<Sha256>::new_from_slice(key).expect(ANY).chain_update(data).finalize().into_bytes().to_vec()
            }
        }
    }

    fn digest(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(data).to_vec(),
            Self::Sha256 => Sha256::digest(data).to_vec(),
        }
    }
}

/// Who it is, in a `client-first-message`.
pub fn user(first: &[u8]) -> Option<String> {
    let bare = std::str::from_utf8(first).ok()?.splitn(3, ',').nth(2)?;
    let user = bare.split(',').next()?.strip_prefix("n=")?;
    Some(user.replace("=2C", ",").replace("=3D", "="))
}

impl Scram {
    /// For the `client-first-message`, with the `server-first-message`. None: it is not SCRAM.
    pub fn begin(hash: Hash, first: &[u8], short: bool) -> Option<(Self, String)> {
        let user = user(first)?;
        let bare = std::str::from_utf8(first).ok()?.splitn(3, ',').nth(2)?;
        let nonce = format!("{}{NONCE}", bare.split(',').nth(1)?.strip_prefix("r=")?);
        let challenge = format!("r={nonce},s={},i={ROUNDS}", BASE64.encode(hash.salt()));
        let said = format!("{bare},{challenge}");
        Some((Self { hash, user, short, nonce, said }, challenge))
    }

    pub fn user(&self) -> &str {
        &self.user
    }

    /// The `server-final-message`, for the `client-final-message`, if one of `passwords` made it.
    pub fn prove(self, host: &dyn Session, passwords: Vec<&str>, last: &[u8]) -> Result<String, Refusal> {
        let last = std::str::from_utf8(last).ok().and_then(|last| last.rsplit_once(",p="));
        let (last, proof) = last.ok_or(Refusal::Malformed)?;
        let proof = BASE64.decode(proof).map_err(|_| Refusal::Malformed)?;
        if !last.ends_with(&format!(",r={}", self.nonce)) {
            return Err(Refusal::Malformed);
        }
        let said = format!("{},{last}", self.said);
        for password in passwords {
            let Some(salted) = self.hash.salted(host, &self.user, password) else { continue };
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
