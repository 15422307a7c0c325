//! Log-ins: who, and nothing that proves it.
use keploy_sdk::Map;

use crate::{
    method::{self, Id},
    table,
    wire::{Reader, text},
};

/// Arguments that no document holds.
pub fn is_secret(id: Id, argument: &str) -> bool {
    matches!(
        (id, argument),
        (method::CONNECTION_START_OK | method::CONNECTION_SECURE_OK, "response")
            | (method::CONNECTION_SECURE, "challenge")
            | (method::CONNECTION_UPDATE_SECRET, "new-secret")
    )
}

/// Who logs in, where the mechanism says so in the open.
pub fn name_user(arguments: &Map, document: &mut Map) {
    let raw = |name: &str| arguments.get(name).and_then(|value| value.as_raw()).unwrap_or_default();
    let user = match raw("mechanism") {
        // authorisation NUL user NUL password
        b"PLAIN" => raw("response").split(|byte| *byte == 0).nth(1).map(text),
        b"AMQPLAIN" => {
            // A table without its length.
            let response = raw("response");
            let mut bytes = u32::try_from(response.len()).unwrap_or(u32::MAX).to_be_bytes().to_vec();
            bytes.extend(response);
            table::read(&mut Reader(&bytes)).and_then(|fields| fields.get("LOGIN").cloned())
        }
        _ => None,
    };
    if let Some(user) = user {
        document.insert("user", user);
    }
}
