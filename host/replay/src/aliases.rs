//! Names and addresses that mean the same machine.
//!
//! Several names may lead to one address, and the application dials addresses: which of the names it had in mind nobody
//! sees. So names that share an address, as the recorded DNS answers say, are one destination when calls are matched.
use std::collections::BTreeMap;

use store::Mock;

/// A forest: each host points to one that means the same, the root to itself.
#[derive(Default)]
pub(crate) struct Aliases(BTreeMap<String, String>);

impl Aliases {
    /// What a recorded DNS answer says.
    pub fn learn(&mut self, mock: &Mock) {
        for response in &mock.responses {
            for (name, address) in dns::addresses(&response.body) {
                self.join(&name, &address.to_canonical().to_string());
            }
        }
    }

    /// `host:port` with the host that stands for all of its names.
    pub fn of(&self, destination: &str) -> String {
        match destination.rsplit_once(':') {
            Some((host, port)) => format!("{}:{port}", self.root(&spelled(host))),
            None => destination.to_owned(),
        }
    }

    fn join(&mut self, a: &str, b: &str) {
        let (a, b) = (self.root(&spelled(a)).to_owned(), self.root(&spelled(b)).to_owned());
        // The first by name is the root, so that the order of answers does not matter.
        let (root, other) = if a <= b { (a, b) } else { (b, a) };
        self.0.insert(other, root.clone());
        self.0.insert(root.clone(), root);
    }

    fn root<'a>(&'a self, host: &'a str) -> &'a str {
        let mut at = host;
        while let Some(next) = self.0.get(at).filter(|next| *next != at) {
            at = next;
        }
        at
    }
}

/// As DNS compares names; brackets of IPv6 off.
fn spelled(host: &str) -> String {
    host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::Aliases;

    #[test]
    fn names_that_share_an_address_are_one() {
        let mut aliases = Aliases::default();
        aliases.join("cache.test.", "10.0.0.1");
        aliases.join("Rates.test", "10.0.0.2");
        assert_ne!(aliases.of("cache.test:6379"), aliases.of("rates.test:6379"));
        aliases.join("rates.test", "10.0.0.1");
        for same in ["rates.test:6379", "10.0.0.1:6379", "10.0.0.2:6379"] {
            assert_eq!(aliases.of(same), aliases.of("cache.test:6379"));
        }
        assert_ne!(aliases.of("cache.test:1"), aliases.of("cache.test:2"));
        assert_eq!(aliases.of("[::1]:5"), aliases.of("::1:5"));
    }
}
