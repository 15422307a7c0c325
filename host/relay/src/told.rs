//! What connections of one parser tell each other, for those that begin later: of each subject the last.
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// Bytes that are kept of one parser, subjects included; what else is told gets to those only that are there.
const MOST: usize = 4 << 20;

/// By parser.
#[derive(Default)]
pub(crate) struct Told(HashMap<String, OfParser>);

#[derive(Default)]
struct OfParser {
    messages: BTreeMap<String, Arc<Vec<u8>>>,
    size: usize,
}

impl Told {
    /// `message` is CBOR.
    pub fn keep(&mut self, protocol: &str, subject: String, message: Arc<Vec<u8>>) {
        let OfParser { messages, size } = self.0.entry(protocol.to_owned()).or_default();
        let before = messages.get(&subject).map_or(0, |message| subject.len() + message.len());
        let after = *size - before + subject.len() + message.len();
        if after <= MOST {
            *size = after;
            messages.insert(subject, message);
        }
    }

    pub fn of(&self, protocol: &str) -> Vec<Arc<Vec<u8>>> {
        self.0.get(protocol).into_iter().flat_map(|told| told.messages.values()).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_subject_the_last_is_kept() {
        let mut told = Told::default();
        for (protocol, subject, message) in [("A", "x", "1"), ("A", "y", "2"), ("A", "x", "3"), ("B", "x", "4")] {
            told.keep(protocol, subject.to_owned(), message.as_bytes().to_vec().into());
        }
        assert_eq!(told.of("A"), [b"3".to_vec().into(), b"2".to_vec().into()]);
        assert_eq!(told.of("B"), [b"4".to_vec().into()]);
        assert!(told.of("C").is_empty());
    }

    #[test]
    fn what_is_told_is_bounded() {
        let mut told = Told::default();
        let kept = |told: &Told| told.of("A").iter().map(|message| message.len()).collect::<Vec<_>>();
        told.keep("A", "x".to_owned(), vec![0; MOST - 1].into());
        told.keep("A", "y".to_owned(), vec![0; 1].into());
        assert_eq!(kept(&told), [MOST - 1], "there is no room");
        told.keep("A", "x".to_owned(), vec![0; 2].into());
        told.keep("A", "y".to_owned(), vec![0; 1].into());
        assert_eq!(kept(&told), [2, 1]);
    }
}
