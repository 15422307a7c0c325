//! Java's trust stores, as far as it takes to add a certificate to one.
//!
//! The format is `JKS` version 2: a head, entries, and a hash over all of it that starts with a password and a secret
//! that is none. Every JDK reads it, whatever its default type is. Source: `sun.security.provider.JavaKeyStore`.
use sha1::{Digest as _, Sha1};

/// The password of every JDK's own store.
pub(crate) const PASSWORD: &str = "changeit";

const MAGIC: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];
const VERSION: u32 = 2;
const TRUSTED_CERTIFICATE: u32 = 2;
const HASH: usize = 20;

pub(crate) fn is_jks(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// The same store with more certificates in it. None: this is no store.
pub(crate) fn with(store: &[u8], certificates: &[impl AsRef<[u8]>]) -> Option<Vec<u8>> {
    let body = store.strip_prefix(&MAGIC)?;
    let (version, body) = body.split_first_chunk()?;
    let (count, body) = body.split_first_chunk()?;
    let (entries, _hash) = body.split_at_checked(body.len().checked_sub(HASH)?)?;
    (u32::from_be_bytes(*version) == VERSION).then(|| write(u32::from_be_bytes(*count), entries, certificates))
}

/// A store of these certificates.
pub(crate) fn of(certificates: &[impl AsRef<[u8]>]) -> Vec<u8> {
    write(0, &[], certificates)
}

fn write(known: u32, entries: &[u8], certificates: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut store = MAGIC.to_vec();
    store.extend(VERSION.to_be_bytes());
    store.extend((known + certificates.len() as u32).to_be_bytes());
    store.extend(entries);
    for (n, certificate) in certificates.iter().enumerate() {
        let certificate = certificate.as_ref();
        store.extend(TRUSTED_CERTIFICATE.to_be_bytes());
        text(&mut store, &format!("keploy-{n}"));
        store.extend(0_u64.to_be_bytes()); // when it was added
        text(&mut store, "X.509");
        store.extend((certificate.len() as u32).to_be_bytes());
        store.extend(certificate);
    }
    let mut hash = Sha1::new();
    PASSWORD.encode_utf16().for_each(|unit| hash.update(unit.to_be_bytes()));
    hash.update("Mighty Aphrodite");
    hash.update(&store);
    store.extend(hash.finalize());
    store
}

/// As `DataOutputStream.writeUTF` does it, for ASCII.
fn text(store: &mut Vec<u8>, text: &str) {
    store.extend((text.len() as u16).to_be_bytes());
    store.extend(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_to_a_store_is_making_it_at_once_but_for_names() {
        let both = with(&of(&[b"one"]), &[b"two"]).expect("a store");
        let at_once = of(&[b"one", b"two"]);
        assert_eq!(both.len(), at_once.len());
        assert_eq!(both[..12], at_once[..12], "magic, version, count");
        assert!(both.windows(3).any(|w| w == b"one") && both.windows(3).any(|w| w == b"two"));
    }

    #[test]
    fn what_is_no_store_is_refused() {
        for bytes in [&b""[..], b"\xfe\xed\xfe\xed", b"\xfe\xed\xfe\xed\0\0\0\x01\0\0\0\0aaaaaaaaaaaaaaaaaaaa", b"PEM"]
        {
            assert_eq!(with(bytes, &[b"x"]), None, "{bytes:?}");
        }
    }
}
