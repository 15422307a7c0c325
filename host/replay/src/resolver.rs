//! Names, from the recording.
use std::collections::HashMap;

use document::Value;
use store::Mock;

/// The recorded answers, by name and type.
#[derive(Default)]
pub(crate) struct Resolver {
    answers: HashMap<(String, i128), Value>,
    /// Names that were asked for and are not in the recording.
    pub unknown: Vec<String>,
}

impl Resolver {
    /// Of several answers to one question the first counts: replay has to be the same every time. One that was cut for UDP
    /// gives way to the whole one that TCP brought.
    pub fn add(&mut self, mock: &Mock) {
        let (Some(key), Some(response)) = (key(&mock.request), mock.responses.first()) else { return };
        let known = self.answers.entry(key).or_insert_with(|| response.body.clone());
        if is_cut(known) && !is_cut(&response.body) {
            *known = response.body.clone();
        }
    }

    /// The wire answer: what was recorded, else "no such name".
    pub fn resolve(&mut self, query: &[u8]) -> Vec<u8> {
        let Some(question) = dns::question(query) else { return Vec::new() };
        let name = question.name.to_ascii_lowercase();
        let key = (name.trim_end_matches('.').to_owned(), i128::from(question.qtype));
        match self.answers.get(&key).map(|response| dns::answer(query, response)) {
            Some(Ok(answer)) => answer,
            Some(Err(error)) => {
                tracing::warn!(name = %question.name, %error, "a recorded DNS answer cannot be sent");
                dns::servfail(query)
            }
            // The name is known, this kind of record was not asked for: it exists, and has none.
            None if self.answers.keys().any(|(known, _)| *known == key.0) => dns::no_data(query),
            None => {
                if !self.unknown.contains(&key.0) {
                    tracing::warn!(name = %key.0, "a name was looked up that is not in the recording: no such name");
                    self.unknown.push(key.0);
                }
                dns::nxdomain(query)
            }
        }
    }
}

fn is_cut(response: &Value) -> bool {
    response.get("truncated") == Some(&Value::Bool(true))
}

fn key(request: &Value) -> Option<(String, i128)> {
    let name = request.get("name")?.as_str()?.trim_end_matches('.').to_ascii_lowercase();
    Some((name, request.get("qtype")?.as_int()?))
}
