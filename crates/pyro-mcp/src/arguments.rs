//! A call's arguments against the tool's own schema: every fault is named at once, in words a model
//! can act on.

mod meant;
pub(crate) mod value;

use crate::refusal::Refusal;
use meant::meant;
use pyro_core::ErrorKind;
use rmcp::model::JsonObject;
use serde_json::Value;
use value::{fault, shown, wanted};

/// Parameters of the contract that a profile may leave out. Hosts and models send their defaults, which ask
/// for nothing.
const LEFT_OUT: [(&str, &str, Asks); 6] = [
    ("workspace_create", "network_policy", Asks::Nothing("off")),
    ("workspace_create", "secrets", Asks::Never),
    ("workspace_exec", "secret_env", Asks::Never),
    ("service_start", "published_ports", Asks::Never),
    ("task_create", "network_policy", Asks::Nothing("off")),
    ("task_exec", "secret_env", Asks::Never),
];

/// Which value of such a parameter asks for nothing; null and what is empty never do.
#[derive(Clone, Copy)]
enum Asks {
    Nothing(&'static str),
    Never,
}

/// The arguments of a tool as its schema has them. What is written otherwise and cannot be
/// misunderstood is taken: `"2"` for a number, `"true"` for a boolean, JSON text for an object or a
/// list.
///
/// # Errors
/// `invalid_input` that names every unknown, missing and mistyped argument, with what may stand
/// there.
pub(crate) fn checked(
    tool: &str,
    schema: &JsonObject,
    mut arguments: JsonObject,
) -> Result<JsonObject, Refusal> {
    let empty = JsonObject::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let required = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let required: Vec<&str> = required.collect();
    // The contract's optional parameters may be null, which is as if they were not given.
    arguments.retain(|name, value| {
        let is_left_out = properties.get(name).is_some_and(|property| is_null(property, value));
        required.contains(&name.as_str()) || !is_left_out
    });
    arguments.retain(|name, value| {
        properties.contains_key(name) || !asks_for_nothing(tool, name, value)
    });
    let (mut faults, mut hints) = (Vec::new(), Vec::new());
    let mut takes = false;
    for (name, value) in &mut arguments {
        match properties.get(name) {
            Some(property) => {
                let Some(fault) = fault(property, value) else { continue };
                faults.push(format!("{name} {fault}"));
                hints.push(format!("{name} must be {}", wanted(property)));
            }
            None if is_left_out(tool, name) => {
                let (fault, hint) = without(name);
                faults.push(fault);
                hints.push(hint);
            }
            None => {
                faults.push(format!("unknown argument {}", shown(&Value::String(name.clone()))));
                let meant = meant(name, properties.keys());
                hints.extend(meant.map(|meant| {
                    format!("did you mean {meant}? It must be {}", wanted(&properties[meant]))
                }));
                takes = true;
            }
        }
    }
    for name in required.iter().filter(|name| !arguments.contains_key(**name)) {
        faults.push(format!("{name} is missing"));
        hints.extend(
            properties.get(*name).map(|property| format!("{name} must be {}", wanted(property))),
        );
    }
    if faults.is_empty() {
        return Ok(arguments);
    }
    if takes {
        let names: Vec<&str> = properties.keys().map(String::as_str).collect();
        let names = if names.is_empty() { "no arguments".to_owned() } else { names.join(", ") };
        hints.push(format!("this tool takes: {names}"));
    }
    Err(Refusal::new(ErrorKind::InvalidInput, faults.join("; ")).hint(hints.join("; ")))
}

/// What is wrong with a parameter that the profile leaves out, and what to do about it.
fn without(name: &str) -> (String, String) {
    match name {
        "network_policy" => (
            format!("{name} can only be \"off\": networking is not built yet"),
            format!("leave {name} out"),
        ),
        _ => (
            format!("{name} is not in this server's profile"),
            format!("leave {name} out, or have the server run with profile workspace-full"),
        ),
    }
}

fn is_left_out(tool: &str, name: &str) -> bool {
    LEFT_OUT.iter().any(|(known, parameter, _)| (*known, *parameter) == (tool, name))
}

fn asks_for_nothing(tool: &str, name: &str, value: &Value) -> bool {
    let known = LEFT_OUT.iter().find(|(known, parameter, _)| (*known, *parameter) == (tool, name));
    known.is_some_and(|(_, _, asks)| match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::String(text) => match asks {
            Asks::Nothing(default) => text == default,
            Asks::Never => matches!(text.trim(), "" | "null" | "[]" | "{}"),
        },
        _ => false,
    })
}

/// Whether it stands for what is not given: null, or the text `null` where JSON text is taken.
fn is_null(property: &Value, value: &Value) -> bool {
    let takes_json =
        matches!(property.get("type").and_then(Value::as_str), Some("object" | "array"));
    value.is_null() || takes_json && value.as_str().is_some_and(|text| text.trim() == "null")
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
            (
                json!({"command": "a", "comand": 1, "x": 2}),
                "unknown argument \"comand\"; unknown argument \"x\"",
            ),
            (json!({"command": 7}), "command must be a string, not 7"),
            (
                json!({"command": "a", "vcpu_count": "two"}),
                "vcpu_count must be an integer, not \"two\"",
            ),
            (json!({"command": "a", "vcpu_count": 1.5}), "vcpu_count must be an integer, not 1.5"),
            (
                json!({"command": "a", "vcpu_count": 9}),
                "vcpu_count is 9; it must be between 1 and 8",
            ),
            (
                json!({"command": "a", "timeout_seconds": 0}),
                "timeout_seconds is 0; it must be at least 1",
            ),
            (json!({"command": "a", "network": "yes"}), "network must be a boolean, not \"yes\""),
            (
                json!({"command": "a", "environment": "x"}),
                "environment must be one of \"debian:12\", not \"x\"",
            ),
            (json!({"command": "abcdef"}), "command is 6 characters long; it may have 5"),
            (json!({"command": " \n"}), "command must not be blank"),
            (json!({"command": "a", "name": ""}), "name must not be empty"),
            (
                json!({"command": "a", "labels": {"k": "äöüß"}}),
                "labels of \"k\": it is 4 characters long; it may have 3",
            ),
            (json!({"command": null}), "command must be a string, not null"),
            (
                json!({"command": "a", "labels": {"k": 1}}),
                "labels of \"k\": it must be a string, not 1",
            ),
            (json!({"command": "a", "labels": "k=v"}), "labels must be an object, not \"k=v\""),
            (json!({"command": "a", "keys": ["k", null]}), "keys [1] must be a string, not null"),
            (json!({"command": "a", "keys": "k"}), "keys must be an array, not \"k\""),
        ] {
            let refusal =
                checked("vm_run", &schema(), arguments.as_object().unwrap().clone()).unwrap_err();
            let message =
                serde_json::to_value(&refusal).unwrap()["message"].as_str().unwrap().to_owned();
            assert_eq!(message, told);
        }
    }

    #[test]
    fn null_stands_for_what_is_not_given_where_that_may_be() {
        let arguments =
            json!({"command": "a", "labels": null, "keys": null}).as_object().unwrap().clone();
        assert_eq!(
            Value::Object(checked("vm_run", &schema(), arguments).unwrap()),
            json!({"command": "a"})
        );
    }

    #[test]
    fn a_hint_says_what_may_stand_there() {
        for (arguments, hint) in [
            (
                json!({"command": "a", "vcpu_count": 9}),
                "vcpu_count must be an integer between 1 and 8",
            ),
            (
                json!({"command": "a", "timeout_seconds": 0}),
                "timeout_seconds must be an integer of at least 1",
            ),
            (json!({"command": "a", "network": "yes"}), "network must be true or false"),
            (
                json!({"command": "a", "environment": "x"}),
                "environment must be one of \"debian:12\"",
            ),
            (
                json!({"command": "abcdef"}),
                "command must be a string that is not empty, of at most 5 characters",
            ),
            (json!({}), "command must be a string that is not empty, of at most 5 characters"),
            (
                json!({"command": "a", "labels": 1}),
                "labels must be an object of strings, such as {\"name\": \"value\"}",
            ),
            (
                json!({"command": "a", "keys": {}}),
                "keys must be an array of strings, such as [\"one\"]",
            ),
        ] {
            let refusal =
                checked("vm_run", &schema(), arguments.as_object().unwrap().clone()).unwrap_err();
            assert_eq!(serde_json::to_value(&refusal).unwrap()["hint"], hint, "{arguments}");
        }
    }

    #[test]
    fn an_unknown_argument_is_matched_to_the_one_that_was_meant() {
        for (written, meant) in [
            ("timeout", Some("timeout_seconds")),
            ("timeoutSeconds", Some("timeout_seconds")),
            ("timeout-seconds", Some("timeout_seconds")),
            ("cpus", Some("vcpu_count")),
            ("vcpus", Some("vcpu_count")),
            ("label", Some("labels")),
            ("env", Some("environment")),
            ("x", None),
        ] {
            let arguments = json!({ "command": "a", written: 1 }).as_object().unwrap().clone();
            let refusal =
                serde_json::to_value(checked("vm_run", &schema(), arguments).unwrap_err()).unwrap();
            let hint = refusal["hint"].as_str().unwrap();
            assert!(hint.contains("this tool takes: command, environment, keys"), "{hint}");
            match meant {
                Some(meant) => assert!(
                    hint.starts_with(&format!("did you mean {meant}? It must be a"))
                        || hint.starts_with(&format!("did you mean {meant}? It must be one")),
                    "{hint}"
                ),
                None => assert!(hint.starts_with("this tool takes"), "{hint}"),
            }
        }
    }

    #[test]
    fn what_is_not_built_may_be_said_to_be_unwanted() {
        let told = |tool: &str, arguments: Value| {
            checked(tool, &schema(), arguments.as_object().unwrap().clone())
        };
        for unwanted in [
            json!({ "command": "a", "network_policy": "off" }),
            json!({ "command": "a", "secrets": null }),
            json!({ "command": "a", "secrets": [] }),
            json!({ "command": "a", "secrets": "null" }),
        ] {
            assert_eq!(
                Value::Object(told("workspace_create", unwanted).unwrap()),
                json!({ "command": "a" })
            );
        }
        for (tool, wanted, message, hint) in [
            (
                "workspace_create",
                json!({ "network_policy": "egress" }),
                "network_policy can only be \"off\"",
                "leave network_policy out",
            ),
            (
                "workspace_create",
                json!({ "secrets": [{}] }),
                "secrets is not in this server's profile",
                "leave secrets out",
            ),
            (
                "vm_run",
                json!({ "secrets": null }),
                "unknown argument \"secrets\"",
                "this tool takes",
            ),
        ] {
            let refusal = serde_json::to_value(told(tool, wanted).unwrap_err()).unwrap();
            assert!(refusal["message"].as_str().unwrap().contains(message), "{refusal}");
            assert!(refusal["hint"].as_str().unwrap().contains(hint), "{refusal}");
        }
    }
}
