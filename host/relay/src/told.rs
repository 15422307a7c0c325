//! What connections of one parser tell each other, for those that begin later: of each subject the last.
use std::collections::{BTreeMap, HashMap};

/// Of one parser: what else is told gets to those only that are there.
const MOST: usize = 4096;
const LARGEST: usize = 64 << 10;

/// By parser and subject.
#[derive(Default)]
pub(crate) struct Told(HashMap<String, BTreeMap<String, Vec<u8>>>);

impl Told {
    /// `message` is CBOR.
    pub fn keep(&mut self, protocol: &str, subject: String, message: &[u8]) {
        let of_parser = self.0.entry(protocol.to_owned()).or_default();
        if message.len() <= LARGEST && (of_parser.len() < MOST || of_parser.contains_key(&subject)) {
            of_parser.insert(subject, message.to_vec());
        }
    }

    pub fn of(&self, protocol: &str) -> Vec<Vec<u8>> {
        self.0.get(protocol).into_iter().flat_map(BTreeMap::values).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_subject_the_last_is_kept() {
        let mut told = Told::default();
        for (protocol, subject, message) in [("A", "x", "1"), ("A", "y", "2"), ("A", "x", "3"), ("B", "x", "4")] {
            told.keep(protocol, subject.to_owned(), message.as_bytes());
        }
        assert_eq!(told.of("A"), [b"3", b"2"]);
        assert_eq!(told.of("B"), [b"4"]);
        assert!(told.of("C").is_empty());
    }

    #[test]
    fn what_is_told_is_bounded() {
        let mut told = Told::default();
        (0..=MOST).for_each(|n| told.keep("A", n.to_string(), b"1"));
        told.keep("A", "0".to_owned(), b"2");
        told.keep("A", "1".to_owned(), &vec![0; LARGEST + 1]);
        assert_eq!(told.of("A").len(), MOST);
        assert_eq!(told.of("A")[..2], [b"2", b"1"]);
    }
}
