//! `keploy templatize`: values that go from an answer into a later request get a name, under Keploy's format.
use std::{collections::HashSet, path::Path};

use document::{Segment, Value, leaves};
use store::{Project, Template, TestCase, TestSet, has_word};

use crate::{
    arguments::{Place, PluginDirectories, TestSets},
    exit::{Code, Failure, Outcome},
    parsers, sets, style, words,
};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    sets: TestSets,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    directories: PluginDirectories,
}

pub(crate) fn run(arguments: Arguments, config_path: &Path) -> Outcome {
    let Arguments { sets: TestSets { test_sets }, place, directories } = arguments;
    let (_, project) = sets::project(config_path, place.path)?;
    let registry = parsers::load(&directories)?;
    sets::recover(&project)?;
    for name in sets::names(&project, &test_sets)? {
        let set = sets::read(&project, &name, &registry)?;
        let found = found(&set);
        write(&project, &set, &found)?;
        let name = style::bold(&name);
        style::say(match found.len() {
            0 => format!("{name}: nothing to do: no other value goes from an answer into a later request"),
            n => format!("{name}: {} in templates: see config.yaml", words::count(n, "new value")),
        });
    }
    Ok(Code::Success)
}

/// A value, and the test whose answer it is first in.
struct Found {
    template: Template,
    from: usize,
}

/// Values that the answer of one test shows first, and a later request asks for.
fn found(set: &TestSet) -> Vec<Found> {
    let mut names: HashSet<String> = set.templates.iter().map(|(name, _)| name.clone()).collect();
    let mut seen: HashSet<String> = set.templates.iter().map(|(_, value)| value.clone()).collect();
    let mut found = Vec::new();
    for (from, test) in set.tests.iter().enumerate() {
        let answers = test.responses.iter().flat_map(|response| leaves(&response.body));
        for (path, value) in answers {
            let is_fit = |(text, _): &(String, &str)| looks_made_up(text) && !is_secret(set, text);
            let Some((value, kind)) = text(&value).filter(is_fit) else { continue };
            // What was asked for before it was answered, the client made up.
            let (until, since) = set.tests.split_at(from + 1);
            let asked = |tests: &[TestCase]| tests.iter().any(|test| asks_for(test, &value));
            if !seen.insert(value.clone()) || asked(until) || !asked(since) {
                continue;
            }
            let name = free_name(&path.0, &mut names);
            found.push(Found { template: Template { name, value, kind: kind.to_owned() }, from });
        }
    }
    found
}

/// In the answer that shows it first, and in everything from there on.
fn write(project: &Project, set: &TestSet, found: &[Found]) -> Result<(), Failure> {
    if found.is_empty() {
        return Ok(());
    }
    let all: Vec<Template> = found.iter().map(|found| found.template.clone()).collect();
    // Before the tests that need them: a set that was only half written loads all the same.
    project.add_templates(&set.name, &all)?;
    for (n, test) in set.tests.iter().enumerate() {
        let known = |since: &dyn Fn(usize) -> bool| -> Vec<Template> {
            found.iter().filter(|found| since(found.from)).map(|found| found.template.clone()).collect()
        };
        project.templatize(&set.name, test, &known(&|from| from < n), &known(&|from| from <= n))?;
    }
    Ok(())
}

fn text(value: &Value) -> Option<(String, &'static str)> {
    match value {
        Value::Text(text) => Some((text.clone(), "string")),
        Value::Int(n) => Some((n.to_string(), "int")),
        _ => None,
    }
}

/// What a placeholder stands for has a name, and no business in config.yaml.
fn is_secret(set: &TestSet, text: &str) -> bool {
    let mut hidden = Value::from(text);
    set.secrets.hide(&mut hidden);
    hidden.as_str() != Some(text)
}

/// Short words and small numbers are the same by chance.
fn looks_made_up(value: &str) -> bool {
    const LONG: usize = 6;
    value.len() >= LONG && value.contains(|c: char| c.is_ascii_digit()) && !value.contains(char::is_whitespace)
}

fn asks_for(test: &TestCase, value: &str) -> bool {
    leaves(&test.request).iter().filter_map(|(_, value)| text(value)).any(|(text, _)| has_word(&text, value))
}

/// After the field: `id`, `id1`, ...
fn free_name(path: &[Segment], names: &mut HashSet<String>) -> String {
    let field = path.iter().rev().find_map(|segment| match segment {
        Segment::Name(name) => Some(name.as_str()),
        Segment::Index(_) => None,
    });
    let field: String =
        field.unwrap_or("value").chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let numbered = (0..).map(|n| if n == 0 { field.clone() } else { format!("{field}{n}") });
    let name = numbered.into_iter().find(|name| !names.contains(name)).unwrap_or_default();
    names.insert(name.clone());
    name
}
