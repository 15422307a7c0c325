//! What a parser is told: its part of keploy.yml, and what its manifest asks for beside it.
use document::{Map, Value};
use plugins::Registry;
use store::Config;

/// `plugins.PROTOCOL` of keploy.yml, and, where that does not say otherwise, what `manifest.extra` names:
/// `("setting", "NAME KEY")`, what keploy.yml says under KEY as NAME; `("environment", "WORD ...")`, the variables with one of
/// these words in their name or value as `environment`, by name, for parsers that are trusted.
pub(crate) fn of(protocol: &str, config: &Config, registry: &Registry) -> Value {
    let own = config.plugins.get(protocol).cloned().unwrap_or_default();
    let Some(plugin) = registry.get(protocol) else { return own };
    let mut settings = match own {
        Value::Map(settings) => settings,
        Value::Null => Map::new(),
        other => return other,
    };
    for (what, value) in &plugin.manifest.extra {
        let more = match what.as_str() {
            "setting" => value.split_once(' ').and_then(|(name, key)| Some((name, config.at(key)?.clone()))),
            "environment" if plugin.is_trusted() => Some(("environment", Value::Map(environment(value)))),
            _ => None,
        };
        if let Some((name, value)) = more
            && settings.get(name).is_none()
        {
            settings.insert(name, value);
        }
    }
    if settings.is_empty() { Value::Null } else { Value::Map(settings) }
}

/// The application's environment is ours.
fn environment(words: &str) -> Map {
    let has = |text: &str| words.split(' ').any(|word| text.to_lowercase().contains(&word.to_lowercase()));
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, value)| has(name) || has(value))
        .map(|(name, value)| (name, Value::Text(value)))
        .collect()
}
