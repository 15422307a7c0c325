//! `matchers.yaml`: what may differ from run to run though nothing has changed. Learned by replays, read and edited by people.
//!
//! ```yaml
//! tests:
//!   - of: Http POST /items
//!     matchers:
//!       - at: body.id
//!         is: uuid
//!         evidence: another value in each replay, first in post-items-1
//! ```
use std::{io, path::Path};

use document::{Map, Value, yaml};
use matcher::Rule;

use crate::{
    ClassMatchers, Error, Flaky, Matchers, Vault,
    envelope::{Complaint, Fields, HEADER, VERSION},
    files::Files,
};

const KIND: &str = "Matchers";

/// Writes the whole file, with placeholders for what `secrets` knows.
pub(crate) fn write(files: Files, path: &Path, set: &str, matchers: &Matchers, secrets: &Vault) -> Result<(), Error> {
    Ok(files.replace(path, |file| {
        let mut document = document(set, matchers).into();
        secrets.hide(&mut document);
        io::Write::write_all(file, format!("{HEADER}{}", yaml::emit(&document)).as_bytes())
    })?)
}

pub(crate) fn document(set: &str, matchers: &Matchers) -> Map {
    let document = Map::new()
        .with("version", VERSION)
        .with("kind", KIND)
        .with("test_set_id", set)
        .with("tests", classes(&matchers.tests))
        .with("calls", classes(&matchers.calls));
    if matchers.flaky.is_empty() { document } else { document.with("flaky", flaky(&matchers.flaky)) }
}

impl Matchers {
    /// Calls of one class are asked as another one now: what might differ there and is in them still, may differ on. A rule
    /// that the other class has stays.
    pub fn carry(&mut self, from: &str, to: &str, is_still_there: &dyn Fn(&Rule) -> bool) {
        let Some(old) = self.calls.iter().find(|class| class.of == from) else { return };
        let carried: Vec<Rule> = old.rules.iter().filter(|rule| is_still_there(rule)).cloned().collect();
        if carried.is_empty() {
            return;
        }
        let at = self.calls.iter().position(|class| class.of == to).unwrap_or_else(|| {
            self.calls.push(ClassMatchers { of: to.to_owned(), rules: Vec::new() });
            self.calls.len() - 1
        });
        let new = &mut self.calls[at].rules;
        for rule in carried {
            if new.iter().all(|known| known.at != rule.at) {
                new.push(rule);
            }
        }
        // As learning writes them.
        new.sort_by(|a, b| a.at.cmp(&b.at));
        self.calls.sort_by(|a, b| a.of.cmp(&b.of));
    }
}

fn classes(classes: &[ClassMatchers]) -> Value {
    let class = |class: &ClassMatchers| {
        let rules: Vec<Value> = class.rules.iter().map(|rule| entry(rule).into()).collect();
        Value::from(Map::new().with("of", class.of.as_str()).with("matchers", rules))
    };
    classes.iter().map(class).collect::<Vec<_>>().into()
}

fn flaky(tests: &[Flaky]) -> Value {
    let texts = |what: &[String]| what.iter().map(|text| Value::from(text.as_str())).collect::<Vec<_>>();
    let test = |flaky: &Flaky| Map::new().with("test", flaky.test.as_str()).with("differed", texts(&flaky.what)).into();
    tests.iter().map(test).collect::<Vec<Value>>().into()
}

fn entry(rule: &Rule) -> Map {
    let kinds: Vec<String> = rule.kinds.iter().map(ToString::to_string).collect();
    let entry = Map::new().with("at", rule.at.as_str()).with("is", kinds.join(" | "));
    if rule.evidence.is_empty() { entry } else { entry.with("evidence", rule.evidence.as_str()) }
}

pub(crate) fn read(document: Value) -> Result<Matchers, Complaint> {
    let Value::Map(map) = document else {
        return Err(Complaint::new(&[], "this is no map", "it has `version`, `kind`, `tests` and `calls`"));
    };
    let mut top = Fields::top(map);
    if let Some(kind) = top.text("kind")?
        && kind != KIND
    {
        return Err(Complaint::new(&["kind"], format!("`kind` is `{kind}`"), format!("matchers have `kind: {KIND}`")));
    }
    let mut of = |key| top.list(key)?.into_iter().map(class).collect::<Result<_, _>>();
    let (tests, calls) = (of("tests")?, of("calls")?);
    let flaky = top.list("flaky")?.into_iter().map(|mut entry| {
        let test = entry.text("test")?.ok_or_else(|| entry.missing("test", "it is the name of a test"))?;
        Ok(Flaky { test, what: entry.texts("differed")? })
    });
    Ok(Matchers { tests, calls, flaky: flaky.collect::<Result<_, _>>()? })
}

fn class(mut entry: Fields) -> Result<ClassMatchers, Complaint> {
    let of = entry.text("of")?.ok_or_else(|| entry.missing("of", "e.g. `of: Http POST /items`"))?;
    let rules = entry.list("matchers")?.into_iter().map(rule).collect::<Result<_, _>>()?;
    Ok(ClassMatchers { of, rules })
}

fn rule(mut entry: Fields) -> Result<Rule, Complaint> {
    let at = entry.text("at")?.ok_or_else(|| entry.missing("at", "it is a path, e.g. `body.id`"))?;
    let is = entry.text("is")?.ok_or_else(|| entry.missing("is", "it is a kind of value, e.g. `uuid`"))?;
    let kinds = is.split('|').map(|kind| {
        kind.parse().map_err(|bad: matcher::BadKind| {
            let hint = bad.hint();
            entry.complaint("is", bad.to_string(), hint)
        })
    });
    let kinds = kinds.collect::<Result<_, _>>()?;
    Ok(Rule { at, kinds, evidence: entry.text("evidence")?.unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use matcher::Kind;

    use super::*;

    #[test]
    fn rules_go_along_where_their_places_are_and_those_that_are_there_stay() {
        let rule = |at: &str, kind: Kind| Rule { at: at.into(), kinds: vec![kind], evidence: String::new() };
        let class = |of: &str, rules: Vec<Rule>| ClassMatchers { of: of.into(), rules };
        let old = class("Db INSERT b", vec![rule("id", Kind::Uuid), rule("made", Kind::Time), rule("gone", Kind::Hex)]);
        let mut matchers = Matchers { calls: vec![old.clone()], ..Matchers::default() };
        let is_there = |rule: &Rule| rule.at != "gone";
        matchers.carry("Db INSERT b", "Db INSERT a", &is_there);
        let carried = class("Db INSERT a", vec![rule("id", Kind::Uuid), rule("made", Kind::Time)]);
        assert_eq!(matchers.calls, [carried, old.clone()]);

        let own = class("Db INSERT a", vec![rule("id", Kind::Hex)]);
        let mut matchers = Matchers { calls: vec![own, old], ..Matchers::default() };
        matchers.carry("Db INSERT b", "Db INSERT a", &is_there);
        assert_eq!(matchers.calls[0].rules, [rule("id", Kind::Hex), rule("made", Kind::Time)]);
        let before = matchers.clone();
        matchers.carry("Db INSERT c", "Db INSERT d", &is_there);
        assert_eq!(matchers, before, "what has no rules has none to carry");
    }
}
