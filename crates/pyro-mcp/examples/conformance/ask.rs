//! Tools that ask the client in the middle of a call, as revisions before 2026-07-28 do.

use crate::{Context, from};
use rmcp::ErrorData;
use rmcp::model::*;
use serde_json::{Value, json};

/// The tool's result; none for a tool that asks nothing.
pub async fn call(
    call: &CallToolRequestParams,
    context: &Context,
) -> Result<Option<CallToolResult>, ErrorData> {
    let argument =
        |name: &str| call.arguments.as_ref().and_then(|arguments| arguments.get(name)).cloned();
    let text = match &*call.name {
        "test_sampling" => sample(context, argument("prompt")).await?,
        "test_elicitation" => {
            let field = |words: &str| json!({ "type": "string", "description": words });
            let fields = json!({ "username": field("User's response"), "email": field("User's email address") });
            elicit(context, argument("message"), fields, &["username", "email"], "User response: ")
                .await?
        }
        "test_elicitation_sep1034_defaults" => {
            let fields = json!({
                "name": { "type": "string", "default": "John Doe" },
                "age": { "type": "integer", "default": 30 },
                "score": { "type": "number", "default": 95.5 },
                "status": { "type": "string", "enum": ["active", "inactive", "pending"], "default": "active" },
                "verified": { "type": "boolean", "default": true },
            });
            elicit(context, Some("defaults".into()), fields, &[], "Elicitation completed: ").await?
        }
        "test_elicitation_sep1330_enums" => {
            elicit(context, Some("choices".into()), choices(), &[], "Elicitation completed: ")
                .await?
        }
        _ => return Ok(None),
    };
    Ok(Some(CallToolResult::success(vec![ContentBlock::text(text)])))
}

fn choices() -> Value {
    let titled = |names: &[(&str, &str)]| -> Vec<Value> {
        names.iter().map(|(value, title)| json!({ "const": value, "title": title })).collect()
    };
    let options = ["option1", "option2", "option3"];
    json!({
        "untitledSingle": { "type": "string", "enum": options },
        "titledSingle": {
            "type": "string",
            "oneOf": titled(&[("value1", "First Option"), ("value2", "Second Option"), ("value3", "Third Option")]),
        },
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": { "type": "array", "items": { "type": "string", "enum": options } },
        "titledMulti": {
            "type": "array",
            "items": { "anyOf": titled(&[("value1", "First Choice"), ("value2", "Second Choice"), ("value3", "Third Choice")]) },
        },
    })
}

async fn sample(context: &Context, prompt: Option<Value>) -> Result<String, ErrorData> {
    let message = json!({ "role": "user", "content": { "type": "text", "text": prompt } });
    let asked = from(json!({ "messages": [message], "maxTokens": 100 }));
    let answer = context.peer.create_message(asked).await.map_err(failed)?;
    let answer = serde_json::to_value(answer).map_err(failed)?;
    let content = match &answer["content"] {
        Value::Array(items) => items.first().cloned().unwrap_or_default(),
        content => content.clone(),
    };
    Ok(format!("LLM response: {}", content["text"].as_str().unwrap_or_default()))
}

async fn elicit(
    context: &Context,
    message: Option<Value>,
    fields: Value,
    required: &[&str],
    before: &str,
) -> Result<String, ErrorData> {
    let schema = json!({ "type": "object", "properties": fields, "required": required });
    let asked = from(json!({ "mode": "form", "message": message, "requestedSchema": schema }));
    let answer = context.peer.create_elicitation(asked).await.map_err(failed)?;
    let answer = serde_json::to_value(answer).map_err(failed)?;
    let action = answer["action"].as_str().unwrap_or_default();
    Ok(format!("{before}action={action}, content={}", answer["content"]))
}

fn failed(error: impl std::fmt::Display) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}
