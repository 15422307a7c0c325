use granit_parser::{Event, Parser};

use crate::{Path, Segment};

/// The line of a place in the document that starts at the line `document` of `text` ([`Located`](super::Located)):
/// for messages about values that can be read and are wrong. Of a place that is not there, or lies inside a text, the
/// line of what is nearest above it.
pub fn find_line(text: &str, document: usize, path: &Path) -> usize {
    let start = text.split_inclusive('\n').take(document.saturating_sub(1)).map(str::len).sum();
    let mut nearest = document;
    // For every open collection: which of its entries or elements comes next, and whether the path goes through it.
    let mut open: Vec<(Next, bool)> = Vec::new();
    for event in Parser::new_from_str(&text[start..]) {
        let Ok((event, span)) = event else { break };
        if matches!(event, Event::SequenceEnd | Event::MappingEnd) {
            open.pop();
        }
        if matches!(event, Event::DocumentEnd) {
            break;
        }
        if !event.is_node() {
            continue;
        }
        let wanted = open.len().checked_sub(1).and_then(|depth| path.0.get(depth));
        let on_path = match open.last_mut() {
            None => true,
            Some((next, on_path)) => {
                let Some(here) = next.advance(&event) else {
                    let Next::Value(name) = next else { break };
                    if *on_path && wanted == Some(&Segment::Name(name.clone())) {
                        nearest = document + span.start.line() - 1;
                    }
                    continue;
                };
                let on_path = *on_path && wanted == Some(&here);
                if on_path && matches!(here, Segment::Index(_)) {
                    nearest = document + span.start.line() - 1;
                }
                on_path
            }
        };
        match event {
            Event::SequenceStart(..) => open.push((Next::Element(0), on_path)),
            Event::MappingStart(..) => open.push((Next::Name, on_path)),
            _ => {}
        }
    }
    nearest
}

enum Next {
    Element(usize),
    Name,
    Value(String),
}

impl Next {
    /// Where the node that starts with `event` stands; none when it is a name.
    fn advance(&mut self, event: &Event<'_>) -> Option<Segment> {
        match std::mem::replace(self, Self::Name) {
            Self::Element(index) => {
                *self = Self::Element(index + 1);
                Some(Segment::Index(index))
            }
            Self::Value(name) => Some(Segment::Name(name)),
            Self::Name => {
                if let Some((name, _)) = event.scalar() {
                    *self = Self::Value(name.to_owned());
                }
                None
            }
        }
    }
}
