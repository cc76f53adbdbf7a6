//! JSON schemas as hosts and models take them: small, and without what some validators warn about.

use rmcp::model::JsonObject;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// The schema of a tool's arguments: every parameter with its description, nothing else allowed.
pub(crate) fn of_arguments<T: JsonSchema>() -> JsonObject {
    let mut schema = generate::<T>();
    // What may be left out may be null as well (`arguments`); a schema that says so is longer, and
    // validators warn of it.
    schema.values_mut().for_each(|value| {
        each_nullable(value, &|map, kind| {
            map.insert("type".to_owned(), kind);
            map.remove("default");
        });
    });
    schema.insert("additionalProperties".to_owned(), false.into());
    let properties = schema.entry("properties").or_insert_with(|| Value::Object(JsonObject::new()));
    for property in properties.as_object_mut().into_iter().flat_map(JsonObject::values_mut) {
        if let Value::Object(property) = property
            && property.get("default") == Some(&Value::Null)
        {
            property.remove("default");
        }
    }
    schema
}

/// The schema of a tool's answer: names and types only, for a model reads it with every list of
/// tools.
pub(crate) fn of_answer<T: JsonSchema>() -> JsonObject {
    let mut schema = generate::<T>();
    // Every field is always there; lists of them all would say it once more.
    schema.remove("required");
    schema.values_mut().for_each(|value| {
        strip(value, &["description", "required", "minimum"]);
        each_nullable(value, &|map, kind| {
            map.remove("type");
            map.insert(
                "anyOf".to_owned(),
                serde_json::json!([{ "type": kind }, { "type": "null" }]),
            );
        });
    });
    schema
}

/// Have every schema of a value or null written otherwise than by a list of types; `write` gets the
/// value's type.
fn each_nullable(value: &mut Value, write: &dyn Fn(&mut JsonObject, Value)) {
    match value {
        Value::Object(map) => {
            let kind = match map.get("type") {
                Some(Value::Array(kinds)) => kinds.iter().find(|kind| *kind != "null").cloned(),
                _ => None,
            };
            if let Some(kind) = kind {
                write(map, kind);
            }
            map.values_mut().for_each(|value| each_nullable(value, write));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| each_nullable(value, write)),
        _ => {}
    }
}

fn generate<T: JsonSchema>() -> JsonObject {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    strip(&mut schema, &[]);
    let Value::Object(mut schema) = schema else { unreachable!("a struct's schema is an object") };
    for name in ["$schema", "title", "description"] {
        schema.remove(name);
    }
    schema
}

/// Take `format` (`uint32` is no format that validators know) and `more` out of every schema; a
/// field may bear such a name.
fn strip(value: &mut Value, more: &[&str]) {
    match value {
        Value::Object(map) => {
            let is_schema =
                map.contains_key("type") || map.contains_key("enum") || map.contains_key("anyOf");
            if is_schema {
                if map.get("format").is_some_and(Value::is_string) {
                    map.remove("format");
                }
                for name in more {
                    map.remove(*name);
                }
            }
            map.values_mut().for_each(|value| strip(value, more));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| strip(value, more)),
        _ => {}
    }
}
