//! Values that stand in tests by name, as Keploy's: `{{string .token }}`, with `template: {token: ...}` in `config.yaml`.
use std::path::Path;

use document::{DiffOptions, Map, Noise, Value, yaml};
use fs_err as fs;

use crate::{
    Error, Project, Templated, TestCase,
    edit::Edited,
    envelope::{self, HEADER},
    layout::CONFIG,
};

/// A value with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pub name: String,
    pub value: String,
    /// `string`, `int` or `float`.
    pub kind: String,
}

impl Template {
    /// As it stands in a test.
    pub fn written(&self) -> String {
        format!("{{{{{} .{} }}}}", self.kind, self.name)
    }
}

impl Project {
    /// Adds templates to those that a set has.
    ///
    /// # Errors
    /// When `config.yaml` cannot be read or written.
    pub fn add_templates(&self, set: &str, templates: &[Template]) -> Result<(), Error> {
        let path = self.set_dir(set).join(CONFIG);
        let templates = &self.hidden(set, templates)?;
        let named = |map: Map| templates.iter().fold(map, |map, template| map.with(&*template.name, &*template.value));
        if !path.exists() {
            let document = Value::from(Map::new().with("template", named(Map::new())));
            let text = format!("{HEADER}{}", yaml::emit(&document));
            return Ok(self.files.replace(&path, |file| file.write_all(text.as_bytes()))?);
        }
        self.edit_file(set, &path, &mut |document| {
            let mut config = document.as_map()?.clone();
            let known = config.get("template").and_then(Value::as_map).cloned().unwrap_or_default();
            config.insert("template", named(known));
            Some(Edited::Changed(config.into()))
        })
    }

    /// Puts templates into a test, in the place of their values: into its request, its responses, or both.
    ///
    /// # Errors
    /// When its file cannot be read or written.
    pub fn templatize(
        &self,
        set: &str,
        test: &TestCase,
        request: &[Template],
        responses: &[Template],
    ) -> Result<(), Error> {
        let keys = envelope::keys(&test.kind);
        let (request, responses) = (&*self.hidden(set, request)?, &*self.hidden(set, responses)?);
        self.edit_file(set, &test.source.file, &mut |document| {
            let mut edited = document.clone();
            let spec = edited.as_map_mut()?.get_mut("spec")?.as_map_mut()?;
            for (key, templates) in [(keys.request, request), (keys.response, responses), ("responses", responses)] {
                if let Some(value) = spec.get_mut(key) {
                    for_each_text(value, &mut |text| {
                        for template in templates {
                            *text = replace_words(text, &template.value, &template.written());
                        }
                    });
                }
            }
            Some(Edited::Changed(edited))
        })
    }

    /// With their values as the files have them: placeholders for secrets.
    fn hidden(&self, set: &str, templates: &[Template]) -> Result<Vec<Template>, Error> {
        let secrets = self.secrets(set)?.vault;
        let hidden = |template: &Template| {
            let value = secrets.hidden(&template.value).unwrap_or_else(|| template.value.clone());
            Template { value, ..template.clone() }
        };
        Ok(templates.iter().map(hidden).collect())
    }
}

/// The templates of a set, by its `config.yaml`.
pub(crate) fn read(directory: &Path) -> Result<Vec<(String, String)>, yaml::Error> {
    // One that is not there, or cannot be read, has none.
    let Ok(text) = fs::read_to_string(directory.join(CONFIG)) else { return Ok(Vec::new()) };
    let config = yaml::parse_all(&text)?.into_iter().next().map(|document| document.value).unwrap_or_default();
    let entries = config.get("template").and_then(Value::as_map).map(Map::iter).into_iter().flatten();
    let text = |value: &Value| match value {
        Value::Text(text) => Some(text.clone()),
        Value::Int(n) => Some(n.to_string()),
        Value::Float(n) => Some(n.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        _ => None,
    };
    Ok(entries.filter_map(|(name, value)| Some((name.to_owned(), text(value)?))).collect())
}

/// Puts the values in the place of the templates. What looks like one and has no value is text.
pub(crate) fn resolve(document: &mut Value, templates: &[(String, String)]) {
    for_each_text(document, &mut |text| {
        if let Some(resolved) = resolved(text, templates) {
            *text = resolved;
        }
    });
}

/// Where templates stand in the responses of the test `name`.
pub(crate) fn places(document: &Value, name: &str, templates: &[(String, String)]) -> Vec<Templated> {
    if templates.is_empty() {
        return Vec::new();
    }
    // What is another when all templates have other values.
    let other =
        |value: &String| value.parse().map_or_else(|_| format!("{value}1"), |n: i64| n.wrapping_add(1).to_string());
    let others: Vec<(String, String)> = templates.iter().map(|(name, value)| (name.clone(), other(value))).collect();
    let [with, with_others] = [templates, &others].map(|templates| {
        let mut document = document.clone();
        resolve(&mut document, templates);
        document
    });
    let keys = envelope::keys(document.get("kind").and_then(Value::as_str).unwrap_or_default());
    let responses = |document: &Value| -> Vec<Value> {
        let spec = document.get("spec");
        let one = spec.and_then(|spec| spec.get(keys.response)).cloned();
        let several = match spec.and_then(|spec| spec.get("responses")) {
            Some(Value::Array(responses)) => responses.as_slice(),
            _ => &[],
        };
        one.into_iter().chain(several.iter().filter_map(|response| response.get(keys.response)).cloned()).collect()
    };
    let pairs = responses(&with).into_iter().zip(responses(&with_others)).enumerate();
    let of_pair = |(n, (with, with_others)): (usize, (Value, Value))| {
        let differences = document::diff(&with, &with_others, &Noise::default(), DiffOptions::default());
        differences.into_iter().map(move |found| Templated { test: name.to_owned(), response: n, at: found.path })
    };
    pairs.flat_map(of_pair).collect()
}

/// What had templates as it is written, has them in what is new: wherever their values stand.
pub(crate) fn keep(new: &mut Value, written: &Value, templates: &[(String, String)]) {
    let mut used: Vec<(String, String)> = Vec::new();
    for_each_text(&mut written.clone(), &mut |text| used.extend(spelled(text, templates)));
    used.sort();
    used.dedup();
    for_each_text(new, &mut |text| {
        for (value, spelled) in &used {
            *text = replace_words(text, value, spelled);
        }
    });
}

/// The values of the templates in a text, and how each is written there.
fn spelled(text: &str, templates: &[(String, String)]) -> Vec<(String, String)> {
    let inside = text.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")).map(|(inside, _)| inside);
    let written = inside.map(|inside| format!("{{{{{inside}}}}}"));
    written.filter_map(|spelled| Some((resolved(&spelled, templates)?, spelled))).collect()
}

fn resolved(text: &str, templates: &[(String, String)]) -> Option<String> {
    let (mut rest, mut out) = (text, String::new());
    while let Some((before, behind)) = rest.split_once("{{") {
        let (inside, after) = behind.split_once("}}")?;
        let name = inside.trim().rsplit_once('.').map(|(_, name)| name.trim());
        let value = templates.iter().find(|(known, _)| Some(known.as_str()) == name).map(|(_, value)| value.as_str());
        out.push_str(before);
        match value {
            Some(value) => out.push_str(value),
            None => out.push_str(&format!("{{{{{inside}}}}}")),
        }
        rest = after;
    }
    out.push_str(rest);
    (out != text).then_some(out)
}

fn for_each_text(value: &mut Value, change: &mut dyn FnMut(&mut String)) {
    match value {
        Value::Text(text) => change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| for_each_text(item, change)),
        Value::Map(map) => map.iter_mut().for_each(|(_, item)| for_each_text(item, change)),
        _ => {}
    }
}

/// Where `word` stands by itself: not as a part of a longer word.
fn replace_words(text: &str, word: &str, by: &str) -> String {
    let (mut out, mut from) = (String::new(), 0);
    for at in word_starts(text, word) {
        out.push_str(&text[from..at]);
        out.push_str(by);
        from = at + word.len();
    }
    out.push_str(&text[from..]);
    out
}

/// Does `word` stand in `text` by itself?
pub fn has_word(text: &str, word: &str) -> bool {
    word_starts(text, word).next().is_some()
}

fn word_starts<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = usize> + 't {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |at| !is_part(text[..*at].chars().next_back()) && !is_part(text[at + word.len()..].chars().next()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_go_in_and_come_out() {
        let template = Template { name: "id".into(), value: "a-17".into(), kind: "string".into() };
        let templates = [("id".to_owned(), "a-17".to_owned())];
        for text in ["/notes/a-17?x=a-17", "{\"id\":\"a-17\",\"other\":\"a-177\",\"b_a-17\":1}", "{{ mustache }} a-17"]
        {
            let written = replace_words(text, &template.value, &template.written());
            assert_eq!(
                written.matches("{{string .id }}").count(),
                text.matches("a-17").count() - text.matches("a-177").count() - text.matches("_a-17").count()
            );
            assert_eq!(resolved(&written, &templates).as_deref(), Some(text), "{written}");
        }
        assert_eq!(resolved("{{ no end", &templates), None);
    }

    #[test]
    fn places_of_templates_are_found_and_kept() {
        let templates = [("id".to_owned(), "123456".to_owned())];
        let written = Map::new().with("body", r#"{"id": {{int .id }}, "size": 3}"#).with("status", 201);
        let test = Map::new().with("kind", "Http").with("spec", Map::new().with("resp", written.clone()));
        let found = places(&test.into(), "post-1", &templates);
        assert_eq!(found, [Templated { test: "post-1".into(), response: 0, at: "body.id".into() }]);
        let mut new: Value = Map::new().with("body", r#"{"id": 123456, "size": 4, "other": 1234567}"#).into();
        keep(&mut new, &written.into(), &templates);
        let body = new.get("body").and_then(Value::as_str);
        assert_eq!(body, Some(r#"{"id": {{int .id }}, "size": 4, "other": 1234567}"#));
    }
}
