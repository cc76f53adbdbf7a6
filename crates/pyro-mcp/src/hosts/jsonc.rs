//! JSON files, with comments or without.

use super::merge::{Changes, MergeError, SERVER};
use jsonc_parser::cst::{CstInputValue, CstRootNode};
use jsonc_parser::{ParseOptions, parse_to_serde_value};
use rmcp::model::JsonObject;
use serde_json::Value;

/// `old` with the server in the object `servers`; `changes` says what to set in its entry.
pub(super) fn merged(
    old: &str,
    servers: &'static str,
    changes: &Changes<'_>,
) -> Result<String, MergeError> {
    let text = if old.trim().is_empty() { "{}\n" } else { old };
    let invalid = |error: String| MergeError::Invalid("JSON", error);
    let values = parse_to_serde_value(text, &ParseOptions::default())
        .map_err(|error| invalid(error.to_string()))?;
    let root = CstRootNode::parse(text, &ParseOptions::default())
        .map_err(|error| invalid(error.to_string()))?;
    let all = root
        .object_value()
        .ok_or_else(|| MergeError::Invalid("settings file", "it is no object".to_owned()))?;
    let place = all.object_value_or_create(servers).ok_or(MergeError::Occupied(servers))?;
    let there = place.get(SERVER);
    match (
        there.as_ref().and_then(|there| there.object_value()),
        values.as_ref().and_then(|values| values[servers][SERVER].as_object()),
    ) {
        (Some(entry), Some(values)) => {
            for (name, value) in changes(values) {
                match entry.get(&name) {
                    Some(field) => field.set_value(input(&value)),
                    None => {
                        entry.append(&name, input(&value));
                    }
                }
            }
        }
        _ => {
            let entry = input(&Value::Object(changes(&JsonObject::new()).into_iter().collect()));
            match there {
                Some(there) => there.set_value(entry),
                None => {
                    place.append(SERVER, entry);
                }
            }
        }
    }
    Ok(root.to_string())
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(items) => CstInputValue::Array(items.iter().map(input).collect()),
        Value::Object(map) => CstInputValue::Object(
            map.iter().map(|(name, value)| (name.clone(), input(value))).collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn comments_order_and_other_servers_stay() {
        let old = "// mine\n{\n  \"theme\": \"dark\", // yes\n  \"mcpServers\": {\n    \"pyro\": { // it\n \"command\": \"old\", \"trust\": true },\n    \
                   \"other\": { \"command\": \"x\" }\n  },\n  \"zoom\": 2\n}\n";
        let changes = |_: &JsonObject| {
            vec![("command".to_owned(), json!("/new")), ("args".to_owned(), json!(["a"]))]
        };
        let new = merged(old, "mcpServers", &changes).unwrap();
        for kept in [
            "// mine\n",
            "\"dark\", // yes",
            "\"other\": { \"command\": \"x\" }",
            "\"zoom\": 2\n}\n",
            "// it",
            "\"trust\": true",
        ] {
            assert!(new.contains(kept), "{new}");
        }
        assert!(new.contains("/new") && !new.contains("\"old\""), "{new}");
    }

    #[test]
    fn what_cannot_be_kept_is_not_touched() {
        for (old, told) in [
            ("[]", "no object"),
            ("{ \"mcpServers\": []}", "mcpServers in it holds something else"),
            ("{ \"mcpServers\": {", "no valid JSON"),
        ] {
            let error = merged(old, "mcpServers", &|_| Vec::new()).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
