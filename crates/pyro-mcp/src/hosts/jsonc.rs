//! JSON files, with comments or without.

use super::{MergeError, SERVER};
use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstRootNode};
use serde_json::Value;

/// `old` with the server as `entry` in the object `servers`.
pub(super) fn merged(old: &str, servers: &'static str, entry: &Value) -> Result<String, MergeError> {
    let text = if old.trim().is_empty() { "{}\n" } else { old };
    let root = CstRootNode::parse(text, &ParseOptions::default())
        .map_err(|error| MergeError::Invalid("JSON", error.to_string()))?;
    let all = root.object_value().ok_or_else(|| MergeError::Invalid("settings file", "it is no object".to_owned()))?;
    let place = all.object_value_or_create(servers).ok_or(MergeError::Occupied(servers))?;
    match place.get(SERVER) {
        Some(there) => there.set_value(input(entry)),
        None => {
            place.append(SERVER, input(entry));
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
        Value::Object(map) => {
            CstInputValue::Object(map.iter().map(|(name, value)| (name.clone(), input(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn comments_order_and_other_servers_stay() {
        let old = "// mine\n{\n  \"theme\": \"dark\", // yes\n  \"mcpServers\": {\n    \"pyro\": { \"command\": \"old\" },\n    \
                   \"other\": { \"command\": \"x\" }\n  },\n  \"zoom\": 2\n}\n";
        let new = merged(old, "mcpServers", &json!({ "command": "/new" })).unwrap();
        for kept in ["// mine\n", "\"dark\", // yes", "\"other\": { \"command\": \"x\" }", "\"zoom\": 2\n}\n"] {
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
            let error = merged(old, "mcpServers", &json!({})).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
