//! Values that stand in tests by name, as Keploy's: `{{string .token }}`, with `template: {token: ...}` in `config.yaml`.
use std::path::Path;

use document::{Map, Value, yaml};
use fs_err as fs;

use crate::{
    Error, Project, TestCase,
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
}
