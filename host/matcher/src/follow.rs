//! Values that people gave names to: templates.
use document::{Difference, Value};

use crate::{
    Trial,
    text::{self, Part},
};

/// Follows a value that has a name, wherever it stands in what differs: whatever the live one is that is like it, it is the
/// one from here on. `named`: the recorded values that have names.
///
/// # Errors
/// Something else differs, or it is another value already; why, where that can be said.
pub fn follow(difference: &Difference, named: &[String], trial: &mut Trial<'_>) -> Result<(), Option<String>> {
    let has_name = |word: &str| named.iter().any(|name| name == word);
    match (&difference.expected, &difference.actual) {
        (Some(Value::Int(recorded)), Some(Value::Int(live))) if has_name(&recorded.to_string()) => {
            trial.follow(&recorded.to_string(), &live.to_string())
        }
        (Some(Value::Text(recorded)), Some(Value::Text(live))) if has_name(recorded) => trial.follow(recorded, live),
        (Some(Value::Text(recorded)), Some(Value::Text(live))) => {
            let (then, now) = (text::parts(recorded), text::parts(live));
            let differs = |(then, now): &(&Part<'_>, &Part<'_>)| then.text != now.text;
            let mut words = then.iter().zip(&now).filter(differs);
            if then.len() != now.len() || !words.clone().all(|(then, _)| has_name(then.text)) {
                return Err(None);
            }
            words.try_for_each(|(then, now)| trial.follow(then.text, now.text))
        }
        _ => Err(None),
    }
}

impl Trial<'_> {
    /// Binds what is about as long, of the same kinds of signs, and not the same as something else by chance.
    fn follow(&mut self, recorded: &str, live: &str) -> Result<(), Option<String>> {
        const LONG: usize = 6;
        let is_strange = !text::is_one_alphabet(recorded, live);
        if is_strange || recorded.len().min(live.len()) < LONG || recorded.len().abs_diff(live.len()) > 4 {
            return Err(Some("not like the value of its template".to_owned()));
        }
        self.bind(recorded, live).map_err(Some)
    }
}

#[cfg(test)]
mod tests {
    use document::DifferenceKind;

    use super::*;
    use crate::Bindings;

    fn followed(recorded: Value, live: Value) -> Result<Vec<(String, String)>, Option<String>> {
        let kind = DifferenceKind::Changed;
        let difference =
            Difference { path: "id".into(), kind, expected: Some(recorded), actual: Some(live), why: None };
        let bindings = Bindings::default();
        let mut trial = Trial::new(&bindings);
        follow(&difference, &["ticket-000481".to_owned(), "123456".to_owned()], &mut trial)?;
        Ok(trial.into_new())
    }

    #[test]
    fn what_has_a_name_may_be_another_of_its_like() {
        let pair = |then: &str, now: &str| Ok(vec![(then.to_owned(), now.to_owned())]);
        assert_eq!(followed(Value::Int(123_456), Value::Int(98_765_432)), pair("123456", "98765432"));
        assert_eq!(followed("ticket-000481".into(), "ticket-000482".into()), pair("ticket-000481", "ticket-000482"));
        assert_eq!(followed("/t/123456?x=1".into(), "/t/654321?x=1".into()), pair("123456", "654321"));
    }

    #[test]
    fn nothing_else_may() {
        for (recorded, live) in [
            // Beside the named value.
            (Value::from("/t/123456?x=1"), Value::from("/t/654321?x=2")),
            (Value::from("/t/123456"), Value::from("/u/123456")),
            (Value::Int(123_457), Value::Int(123_458)),
            // Unlike it: too short to be nothing else by chance, of other signs, of another type.
            (Value::Int(123_456), Value::Int(7)),
            (Value::from("ticket-000481"), Value::from("an error has come up")),
            (Value::Int(123_456), Value::from("123457")),
        ] {
            assert!(followed(recorded.clone(), live.clone()).is_err(), "{recorded:?} {live:?}");
        }
    }
}
