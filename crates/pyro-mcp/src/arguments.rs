//! A call's arguments against the tool's own schema: every fault is named at once, in words a model can act on.

use crate::refusal::Refusal;
use pyro_core::ErrorKind;
use rmcp::model::JsonObject;
use serde_json::Value;

/// Greatest number where a schema names none.
const UNSPOKEN_MAX: f64 = u32::MAX as f64;

/// Greatest number up to which every whole one has a float of its own.
const EXACT: f64 = (1_u64 << 53) as f64;

/// The arguments as the schema has them: `"2"` is taken for a number where one is wanted.
///
/// # Errors
/// `invalid_input` that names every unknown, missing and mistyped argument.
pub(crate) fn checked(schema: &JsonObject, mut arguments: JsonObject) -> Result<JsonObject, Refusal> {
    let empty = JsonObject::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let mut faults = Vec::new();
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let required: Vec<&str> = required.collect();
    // The contract's optional parameters may be null, which is as if they were not given.
    arguments
        .retain(|name, value| !value.is_null() || required.contains(&name.as_str()) || !properties.contains_key(name));
    for (name, value) in &mut arguments {
        match properties.get(name) {
            Some(property) => faults.extend(fault(property, value).map(|fault| format!("{name} {fault}"))),
            None => faults.push(format!("unknown argument {}", shown(&Value::String(name.clone())))),
        }
    }
    let missing = required.iter().filter(|name| !arguments.contains_key(**name));
    faults.extend(missing.map(|name| format!("{name} is missing")));
    if faults.is_empty() {
        return Ok(arguments);
    }
    let names: Vec<&str> = properties.keys().map(String::as_str).collect();
    let takes = if names.is_empty() { "no arguments".to_owned() } else { names.join(", ") };
    Err(Refusal::new(ErrorKind::InvalidInput, faults.join("; ")).hint(format!("this tool takes: {takes}")))
}

/// What is wrong with a value.
fn fault(property: &Value, value: &mut Value) -> Option<String> {
    let wanted = property.get("type").and_then(Value::as_str);
    if let (Some("integer"), Value::String(text)) = (wanted, &*value)
        && let Ok(number) = text.trim().parse::<i64>()
    {
        *value = number.into();
    }
    // JSON Schema's integer is any number without a fraction, however it is written.
    if let (Some("integer"), Some(number)) = (wanted, value.as_f64())
        && !value.is_i64()
        && number.fract() == 0.0
        && number.abs() <= EXACT
    {
        *value = (number as i64).into();
    }
    let fits = match wanted {
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        _ => true,
    };
    if !fits {
        let article = if matches!(wanted, Some("integer" | "object" | "array")) { "an" } else { "a" };
        return Some(format!("must be {article} {}, not {}", wanted.unwrap_or_default(), shown(value)));
    }
    if let Some(known) = property.get("enum").and_then(Value::as_array)
        && !known.contains(value)
    {
        let known: Vec<String> = known.iter().map(shown).collect();
        return Some(format!("must be one of {}, not {}", known.join(", "), shown(value)));
    }
    out_of_bounds(property, value).or_else(|| fault_inside(property, value))
}

/// What is wrong with a value inside of this one.
fn fault_inside(property: &Value, value: &mut Value) -> Option<String> {
    let inside = |schema: &str| property.get(schema).filter(|schema| schema.is_object());
    match value {
        Value::Object(map) => {
            let schema = inside("additionalProperties")?;
            let mut faults = map.iter_mut().filter_map(|(key, value)| Some((key, fault(schema, value)?)));
            faults.next().map(|(key, fault)| format!("of {}: it {fault}", shown(&Value::String(key.clone()))))
        }
        Value::Array(items) => {
            let schema = inside("items")?;
            let mut faults = items.iter_mut().enumerate().filter_map(|(at, item)| Some((at, fault(schema, item)?)));
            faults.next().map(|(at, fault)| format!("[{at}] {fault}"))
        }
        _ => None,
    }
}

fn out_of_bounds(property: &Value, value: &Value) -> Option<String> {
    let bound = |name: &str| property.get(name).and_then(Value::as_f64);
    if let Some(number) = value.as_f64() {
        return match (bound("minimum").unwrap_or(0.0), bound("maximum")) {
            (min, Some(max)) if !(min..=max).contains(&number) => {
                Some(format!("is {value}; it must be between {min} and {max}"))
            }
            (min, None) if number < min => Some(format!("is {value}; it must be at least {min}")),
            (_, None) if number > UNSPOKEN_MAX => Some(format!("is {value}; it must be at most {UNSPOKEN_MAX}")),
            _ => None,
        };
    }
    let text = value.as_str()?;
    // The one pattern of our own schemas' strings: something stands there.
    let is_wanted = property.get("pattern").is_some_and(|pattern| pattern == r"\S");
    if is_wanted && text.trim().is_empty() {
        return Some("must not be blank".to_owned());
    }
    let (length, limit) = (text.chars().count() as u64, |name: &str| property.get(name).and_then(Value::as_u64));
    if limit("minLength").is_some_and(|min| length < min) {
        return Some("must not be empty".to_owned());
    }
    let max = limit("maxLength").filter(|max| length > *max)?;
    Some(format!("is {length} characters long; it may have {max}"))
}

/// A value as it was given, cut where it is long.
fn shown(value: &Value) -> String {
    /// Characters that tell which value was meant.
    const ENOUGH: usize = 80;
    let text = value.to_string();
    match text.char_indices().nth(ENOUGH) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> JsonObject {
        let schema = json!({
            "properties": {
                "command": { "type": "string", "maxLength": 5, "pattern": "\\S" },
                "name": { "type": "string", "minLength": 1 },
                "environment": { "type": "string", "enum": ["debian:12"] },
                "vcpu_count": { "type": "integer", "minimum": 1, "maximum": 8 },
                "timeout_seconds": { "type": "integer", "minimum": 1 },
                "network": { "type": "boolean" },
                "labels": { "type": "object", "additionalProperties": { "type": "string", "maxLength": 3 } },
                "keys": { "type": "array", "items": { "type": "string" } },
            },
            "required": ["command"],
        });
        schema.as_object().unwrap().clone()
    }

    #[test]
    fn every_fault_is_named() {
        for (arguments, told) in [
            (json!({}), "command is missing"),
            (json!({"command": "a", "comand": 1, "x": 2}), "unknown argument \"comand\"; unknown argument \"x\""),
            (json!({"command": 7}), "command must be a string, not 7"),
            (json!({"command": "a", "vcpu_count": "two"}), "vcpu_count must be an integer, not \"two\""),
            (json!({"command": "a", "vcpu_count": 1.5}), "vcpu_count must be an integer, not 1.5"),
            (json!({"command": "a", "vcpu_count": 9}), "vcpu_count is 9; it must be between 1 and 8"),
            (json!({"command": "a", "timeout_seconds": 0}), "timeout_seconds is 0; it must be at least 1"),
            (json!({"command": "a", "network": "yes"}), "network must be a boolean, not \"yes\""),
            (json!({"command": "a", "environment": "x"}), "environment must be one of \"debian:12\", not \"x\""),
            (json!({"command": "abcdef"}), "command is 6 characters long; it may have 5"),
            (json!({"command": " \n"}), "command must not be blank"),
            (json!({"command": "a", "name": ""}), "name must not be empty"),
            (
                json!({"command": "a", "labels": {"k": "äöüß"}}),
                "labels of \"k\": it is 4 characters long; it may have 3",
            ),
            (json!({"command": null}), "command must be a string, not null"),
            (json!({"command": "a", "labels": {"k": 1}}), "labels of \"k\": it must be a string, not 1"),
            (json!({"command": "a", "labels": "k=v"}), "labels must be an object, not \"k=v\""),
            (json!({"command": "a", "keys": ["k", null]}), "keys [1] must be a string, not null"),
            (json!({"command": "a", "keys": "k"}), "keys must be an array, not \"k\""),
        ] {
            let refusal = checked(&schema(), arguments.as_object().unwrap().clone()).unwrap_err();
            let message = serde_json::to_value(&refusal).unwrap()["message"].as_str().unwrap().to_owned();
            assert_eq!(message, told);
        }
    }

    #[test]
    fn null_stands_for_what_is_not_given_where_that_may_be() {
        let arguments = json!({"command": "a", "labels": null, "keys": null}).as_object().unwrap().clone();
        assert_eq!(Value::Object(checked(&schema(), arguments).unwrap()), json!({"command": "a"}));
    }

    #[test]
    fn a_number_in_quotes_is_a_number() {
        let arguments = json!({"command": "a", "vcpu_count": "2"}).as_object().unwrap().clone();
        assert_eq!(checked(&schema(), arguments).unwrap()["vcpu_count"], 2);
    }

    #[test]
    fn an_integer_may_be_written_with_a_point() {
        let arguments: Value =
            serde_json::from_str(r#"{"command": "a", "vcpu_count": 2.0, "timeout_seconds": 3e1}"#).unwrap();
        let checked = checked(&schema(), arguments.as_object().unwrap().clone()).unwrap();
        assert_eq!((&checked["vcpu_count"], &checked["timeout_seconds"]), (&json!(2), &json!(30)));
        assert!(checked["timeout_seconds"].is_i64());
    }
}
