//! What a parser is told: its part of keploy.yml, and what its manifest asks for beside it.
use document::{Map, Value};
use plugins::Registry;
use store::{Config, ParserSettings};

/// What a recording has to bring along for its replays: of parsers whose `manifest.extra` has `("descriptors", "NAME")`, the
/// list of serialized Protocol Buffers descriptors under NAME: keploy.yml's, and these.
pub(crate) fn to_keep(config: &Config, registry: &Registry, descriptors: &[Vec<u8>]) -> ParserSettings {
    let mut kept = ParserSettings::new();
    for plugin in registry.iter() {
        let manifest = &plugin.manifest;
        for (_, name) in manifest.extra.iter().filter(|(what, _)| what == "descriptors") {
            let mut all = match config.plugins.get(&manifest.protocol).and_then(|own| own.get(name)).cloned() {
                None | Some(Value::Null) => Vec::new(),
                Some(Value::Array(some)) => some,
                Some(one) => vec![one],
            };
            all.extend(descriptors.iter().cloned().map(Value::Bytes));
            if !all.is_empty() {
                kept.insert(manifest.protocol.clone(), Map::new().with(name.as_str(), all).into());
            }
        }
    }
    kept
}

/// What the recording brings along (`kept`), `plugins.PROTOCOL` of keploy.yml, and, where these do not say otherwise, what
/// `manifest.extra` names: `("setting", "NAME KEY")`, what keploy.yml says under KEY as NAME; `("environment", "WORD ...")`,
/// the variables with one of these words in their name or value as `environment`, by name, for parsers that are trusted.
pub(crate) fn of(protocol: &str, config: &Config, registry: &Registry, kept: &ParserSettings) -> Value {
    let mut own = config.plugins.get(protocol).cloned().unwrap_or_default();
    if let Some(kept) = kept.get(protocol).and_then(Value::as_map) {
        let mut settings = own.as_map().cloned().unwrap_or_default();
        kept.iter().for_each(|(name, value)| settings.insert(name, value.clone()));
        own = settings.into();
    }
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
