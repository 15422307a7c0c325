//! The form of a request that is compared.
use keploy_sdk::{Map, Value};

use crate::{command::name, hello};

pub fn request(mut document: Value) -> Value {
    let Some(command) = document.as_map_mut().and_then(|map| map.get_mut("command")) else { return document };
    if hello::is_hello(name(command)) {
        // One is as good as another: the answer is fitted to the question.
        return Map::new().with("command", Map::new().with("hello", 1)).into();
    }
    if let Some(command) = command.as_map_mut() {
        // What is left of the application's patience, where the driver counts it.
        command.remove("maxTimeMS");
    }
    in_order(command);
    document
}

/// A document whose fields have an order that matters becomes a list, whose elements do.
fn in_order(value: &mut Value) {
    const ORDERED: [&str; 5] = ["sort", "$sort", "hint", "key", "$orderby"];
    match value {
        Value::Array(items) => items.iter_mut().for_each(in_order),
        Value::Map(map) => {
            for (name, value) in map.iter_mut() {
                match value {
                    Value::Map(fields) if ORDERED.contains(&name) && fields.len() > 1 => {
                        let fields = std::mem::take(fields).into_iter();
                        let fields = fields.map(|(name, value)| Value::from(Map::new().with(name, value)));
                        *value = fields.collect::<Vec<_>>().into();
                    }
                    other => in_order(other),
                }
            }
        }
        _ => {}
    }
}
